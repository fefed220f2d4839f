package syntax

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

func (d *decoder) dataSources(n *tree.Node) []*DataSource {
	var sources []*DataSource
	for _, e := range d.entries(n, "data") {
		s := &DataSource{Name: e.Key.Text, At: e.Key.Range, Body: &Module{Root: true, Open: true}}
		sources = append(sources, s)
		d.decodeSource(s, e.Value)
	}
	whole := d.join(sources, incomplete(n))
	for _, s := range sources {
		if whole && s.needsBatch && !s.joined && s.Decl != nil && s.Decl.Batch == 0 {
			d.report(diag.MissingKey, s.At, "batch: "+batchKey.doc, "the data source %s requires the key `batch`", s.Name)
		}
	}
	return sources
}

// BatchSize is the name that the nodes of a transform have for the number of examples in
// the batch.
const BatchSize = "batch"

// EpochName and EpochFraction are the names that expressions of a training section have for
// the epochs of the data: those that are complete, and with the fraction of the one that
// isn't.
const (
	EpochName     = "epoch"
	EpochFraction = "epoch_fraction"
)

// decodeSource decodes a data source. One that can't be decoded keeps its open body.
func (d *decoder) decodeSource(s *DataSource, n *tree.Node) {
	o := d.originOf(s, n)
	if o == nil {
		return
	}
	fields, ok := d.fields(n, o.source)
	if !ok {
		return
	}
	if o.Name == generate {
		if items := fields[generate]; items != nil {
			s.Body = &Module{Name: s.Name, At: s.At, Root: true, Items: d.nodes(items), Open: incomplete(items)}
		}
		return
	}
	s.Decl = &table.Decl{Name: s.Name, At: s.At}
	if o.kind != nil {
		s.Kind, s.Decl.Kind = o.kind, o.kind.Name
		s.Decl.Files = d.files(fields[o.Name], o)
		if at := fields[o.Name]; at != nil {
			s.Decl.At = at.Range
		}
		s.Decl.Options = d.options(fields, o.kind.Keys, o.absent)
		d.fieldsOf(s, fields["fields"], o)
	} else {
		d.joins(s, fields[o.Name], o.Name)
	}
	s.needsBatch = fields["batch"] == nil && o.source.Key("batch") != nil && !n.Partial
	d.common(s, fields)
	if s.Kind == nil || s.Fields != nil {
		s.Body = nil
	}
}

// originOf finds the key that says where a data source's examples come from. If there is
// none, or more than one, that is reported.
func (d *decoder) originOf(s *DataSource, n *tree.Node) *origin {
	if n.Kind != tree.Map {
		d.is(n, tree.Map, "write {generate: {NAME: EXPRESSION}}, or {csv: FILE, fields: {…}, batch: 32}", "a data source must be a mapping")
	}
	if n.Broken || n.Kind != tree.Map {
		return nil
	}
	var given []*origin
	var all []Key
	for _, o := range origins {
		all = append(all, o.Key)
		if n.Get(o.Name) != nil {
			given = append(given, o)
		}
	}
	switch {
	case len(given) > 1:
		d.report(diag.InvalidValue, s.At, "", "the data source %s has both `%s` and `%s`; use one of them", s.Name, given[0].Name, given[1].Name)
		return nil
	case len(given) == 1:
		return given[0]
	}
	const replayKey = "replay"
	which := &Section{name: "a data source", Keys: all}
	for _, e := range n.Entries {
		if SourceSection.Key(e.Key.Text) != nil {
			continue
		}
		if k := which.meant(d.list, e.Key.Text, nil); k != nil {
			if foreign.Keys[e.Key.Text] != nil && k.Name == replayKey && !strings.HasSuffix(e.Value.Text, ".safetensors") {
				continue // a file of some other kind
			}
			return originOf(k.Name) // fields reports the key
		}
	}
	if !n.Partial {
		d.report(diag.MissingKey, s.At, "write generate: {…}, or the kind of its files: csv: FILE", "the data source %s doesn't say where its examples come from", s.Name)
	}
	return nil
}

// files decodes the files of a data source.
func (d *decoder) files(n *tree.Node, o *origin) []table.File {
	var files []table.File
	seen := map[string]bool{}
	add := func(field string, n *tree.Node) {
		text, ok := d.text(n, o.Name)
		if !ok {
			return
		}
		name, ok := d.interpolated(n, text)
		if !ok {
			return
		}
		path := d.namedFile(NamedFile{n, name, true})
		if path != "" && field == "" && seen[path] {
			d.report(diag.DuplicateName, n.Range, "remove it", "%s is named twice", diag.CutPath(name))
		}
		seen[path] = true
		if o.kind.Safetensors {
			d.warnOfFormat(n)
		}
		files = append(files, table.File{Field: field, Name: name, Path: path, At: n.Range})
	}
	empty := func() {
		d.report(diag.InvalidValue, n.Range, "", "%s names no file", o.Name)
	}
	switch form := filesForm(o.kind); {
	case n == nil || n.Broken:
	case n.Kind == tree.List && form != "text":
		for _, item := range n.Items {
			add("", item)
		}
		if len(n.Items) == 0 {
			empty()
		}
	case n.Kind == tree.Map && form == "files by field":
		for _, e := range d.entries(n, o.Name) {
			add(e.Key.Text, e.Value)
		}
		if len(n.Entries) == 0 {
			empty()
		}
	default:
		add("", n)
	}
	return files
}

// fieldsOf decodes the fields of files.
func (d *decoder) fieldsOf(s *DataSource, n *tree.Node, o *origin) {
	entries := d.entries(n, "fields")
	if n == nil || entries == nil {
		if n != nil && n.Kind == tree.Map && len(n.Entries) == 0 {
			d.report(diag.InvalidValue, n.Range, "write {x: …}", "the data source %s has no fields", s.Name)
		}
		return
	}
	for _, e := range entries {
		s.Fields = append(s.Fields, d.field(e, o))
	}
	s.openFields = incomplete(n)
	for _, file := range s.Decl.Files {
		if file.Field != "" && !s.openFields && s.FieldNamed(file.Field) == nil {
			d.report(diag.UnknownName, file.At, Suggestion(d.list, file.Field, s.FieldNames()), "the data source %s has no field `%s`", s.Name, diag.Cut(file.Field))
		}
	}
}

// common decodes the keys that data sources of all kinds have.
func (d *decoder) common(s *DataSource, fields map[string]*tree.Node) {
	c := s.Decl
	if n := fields["batch"]; n != nil {
		if v, ok := d.count(n, "batch", 1); ok && v <= maxBatch {
			c.Batch = v
		} else if ok {
			d.report(diag.InvalidValue, n.Range, "", "batch must be at most %d, got %d", int64(maxBatch), v)
		}
	}
	c.Shuffle, _ = d.boolean(fields["shuffle"], "shuffle")
	c.DropLast, _ = d.boolean(fields["drop_last"], "drop_last")
	if s.Kind != nil && s.Kind.Batches {
		c.Repeat = 1
	}
	if n := fields["repeat"]; n != nil {
		c.Repeat = d.limited(n, "repeat")
	}
	if n := fields["limit"]; n != nil {
		c.Limit, _ = d.count(n, "limit", 1)
	}
	if n := fields["split"]; n != nil {
		section := splitSection
		if s.Kind != nil && s.Kind.InOrder {
			section = splitInOrder
		}
		c.Split = d.split(n, section)
		s.splitNode = n
		if s.Kind != nil && c.Split != nil {
			d.splitFields(s)
		}
	}
	if n := fields["transform"]; n != nil {
		s.Transform = &Module{Name: "transform", At: keyRange(n), Root: true, Items: d.nodes(n), Open: incomplete(n)}
	}
}

// maxBatch bounds a batch, so that its sizes can be computed with.
const maxBatch = 1 << 40

// joins decodes the data sources that zip or mix name.
func (d *decoder) joins(s *DataSource, n *tree.Node, key string) {
	add := func(n *tree.Node, weight int64) {
		s.joins = append(s.joins, join{name: n.Text, at: n.Range})
		if key == zip {
			s.Decl.Zip = append(s.Decl.Zip, n.Text)
		} else {
			s.Decl.Mix = append(s.Decl.Mix, table.Share{Source: n.Text, Weight: weight})
		}
	}
	if key == zip {
		if !d.is(n, tree.List, "write [a, b]", "zip must be a list of names") {
			s.openFields = true
			return
		}
		for _, item := range n.Items {
			if text, ok := d.word(item, "a data source in zip"); ok {
				named := *item
				named.Text = text
				add(&named, 0)
			}
		}
	} else {
		total := int64(0)
		for _, e := range d.entries(n, "mix") {
			weight, ok := d.atLeast(e.Value, "a weight", 1)
			if !ok {
				weight = 1
			}
			total = min(total+min(weight, maxWeights+1), maxWeights+1)
			add(e.Key, weight)
		}
		if total > maxWeights {
			d.report(diag.InvalidValue, n.Range, "divide all by a common factor", "the weights of mix must be at most %d together", maxWeights)
		}
	}
	s.openFields = s.openFields || n == nil || incomplete(n) && key == mix || len(s.joins) == 0
	if n != nil && !n.Broken && len(n.Items)+len(n.Entries) < 2 && (n.Kind == tree.List || n.Kind == tree.Map) {
		d.report(diag.InvalidValue, n.Range, "name two or more", "%s joins several data sources, got %d", key, len(n.Items)+len(n.Entries))
		s.openFields = true
	}
}

// maxWeights bounds the weights of a mix together: so many examples are put in order at once.
const maxWeights = 1 << 20

// join finds the data sources that others join, and gives those their fields. It reports
// whether it found all.
func (d *decoder) join(sources []*DataSource, open bool) (whole bool) {
	whole = true
	byName := map[string]*DataSource{}
	var names []string
	for _, s := range sources {
		byName[s.Name] = s
		names = append(names, s.Name)
	}
	const inside, done = 1, 2
	mark := map[*DataSource]int{}
	var visit func(s *DataSource)
	visit = func(s *DataSource) {
		mark[s] = inside
		if s.Kind == nil && s.Decl != nil && s.openFields { // what it names isn't known
			whole = false
		}
		for i := range s.joins {
			j := &s.joins[i]
			part := byName[j.name]
			switch {
			case part == nil && open:
				s.openFields, whole = true, false
				continue
			case part == nil:
				help := Suggestion(d.list, j.name, names)
				if name, _, dotted := strings.Cut(j.name, "."); dotted && byName[name] != nil {
					help = "name " + name + " itself, and split this data source"
				}
				d.report(diag.UnknownSource, j.at, help, "unknown data source %s", Quoted(j.name))
				s.openFields, whole = true, false
				continue
			case mark[part] == inside:
				d.report(diag.Cycle, j.at, "", "the data source %s contains itself", part.Name)
				s.openFields = true
				continue
			}
			part.Used, part.joined = true, true
			if mark[part] == 0 {
				visit(part)
			}
			d.joinOne(s, part, j)
		}
		mark[s] = done
		if len(s.joins) > 0 && s.Decl.Split != nil {
			d.splitFields(s)
		}
	}
	for _, s := range sources {
		if mark[s] == 0 {
			visit(s)
		}
	}
	return whole
}

// joinOne adds a part's fields to those of a data source that joins it.
func (d *decoder) joinOne(s, part *DataSource, j *join) {
	key := zip
	if s.Decl.Mix != nil {
		key = mix
	}
	j.source = part
	switch {
	case part.Decl == nil && part.Body != nil && part.Body.Open: // reported
		s.openFields = true
		return
	case part.Decl == nil:
		d.report(diag.InvalidValue, j.at, "", "%s can't use %s: generated data has no examples of its own", key, part.Name)
		s.openFields = true
		return
	case part.Kind != nil && part.Kind.Batches:
		d.report(diag.InvalidValue, j.at, "", "%s can't use %s: a %s has batches, not examples", key, part.Name, part.Kind.Name)
		s.openFields = true
		return
	case part.Transform != nil:
		d.report(diag.InvalidValue, part.Transform.At, "move it to the data source "+s.Name, "the transform of %s has no effect in the %s", part.Name, key)
	}
	s.openFields = s.openFields || part.openFields
	d.list.Budget.Spend(diag.Listing, fieldCost*len(part.Fields)) // sources that join each other can have many together
	if key == mix && len(s.Fields) > 0 {
		d.sameNames(s, part, j)
		return
	}
	for _, f := range part.Fields {
		if old := s.FieldNamed(f.Name); old != nil {
			d.list.Add(diag.Diagnostic{Rule: diag.DuplicateName, Range: j.at,
				Message: fmt.Sprintf("two data sources in zip have a field `%s`", f.Name),
				Notes:   []diag.Note{{Message: "first declared here", Range: old.At}, {Message: "and here", Range: f.At}}})
			s.openFields = true
			continue
		}
		s.Fields = append(s.Fields, f)
	}
}

// fieldCost is the cost of a field that a data source has of another: a pointer, and a
// declaration.
const fieldCost = 300 + 200*diag.KeptByte

// sameNames reports fields that not all data sources in a mix have.
func (d *decoder) sameNames(s, part *DataSource, j *join) {
	if s.openFields {
		return
	}
	differs := func(has, lacks *DataSource, who string) bool {
		for _, f := range has.Fields {
			if lacks.FieldNamed(f.Name) == nil {
				d.list.Add(diag.Diagnostic{Rule: diag.InvalidValue, Range: j.at,
					Message: fmt.Sprintf("all data sources in mix must have the same fields: %s has no field `%s`", who, f.Name),
					Notes:   []diag.Note{{Message: "declared here", Range: f.At}}})
				return true
			}
		}
		return false
	}
	_ = differs(s, part, part.Name) || differs(part, s, s.joins[0].name)
}

// limited decodes an int of at least 1, or unlimited: 0.
func (d *decoder) limited(n *tree.Node, what string) int64 {
	switch {
	case n.Text == unlimited:
		return 0
	case n.Kind == tree.String && slices.Contains([]string{"inf", "infinity", "none", "None", "forever"}, n.Text):
		d.report(diag.InvalidValue, n.Range, "write unlimited, or omit it", "%s must be an int or unlimited", what)
		return 0
	}
	return d.positive(n, what)
}

// warnOfFormat warns of a file whose ending is that of another format than safetensors.
func (d *decoder) warnOfFormat(n *tree.Node) {
	if format := foreign.Format(n.Text); format != "" {
		d.report(diag.FileFormat, n.Range, "convert it in Python with safetensors.torch.save_file(tensors, FILE) or safetensors.numpy.save_file",
			"%s has the extension of another format (%s); only safetensors files are supported", diag.Cut(n.Text), format)
	}
}

// dataSource finds the data source, and the part of it, that train names.
func (d *decoder) dataSource(n *tree.Node) (src *DataSource, part string) {
	text, ok := d.word(n, "data")
	if !ok {
		return unknownDataSource(text), ""
	}
	name, part, dotted := strings.Cut(text, ".")
	name = d.name(name)
	var names []string
	for _, s := range d.spec.DataSources {
		if s.Name != name {
			names = append(names, s.Name)
			continue
		}
		s.Used = true
		return s, d.part(n, s, part, dotted)
	}
	if !d.spec.openDataSources {
		help := Suggestion(d.list, name, names)
		if help == "" && len(names) > 0 {
			help = "available: " + strings.Join(names, ", ")
		}
		d.report(diag.UnknownSource, n.Range, help, "unknown data source %s", Quoted(text))
	}
	return unknownDataSource(name), ""
}

// part checks the part of a data source that train names.
func (d *decoder) part(n *tree.Node, s *DataSource, part string, dotted bool) string {
	if s.Decl == nil && s.Body.Open { // reported
		return ""
	}
	var parts []string
	if s.Decl != nil && s.Decl.Split != nil {
		for _, p := range s.Decl.Split.Parts {
			parts = append(parts, p.Name)
		}
	}
	var each []string
	for _, p := range parts {
		each = append(each, s.Name+"."+p)
	}
	switch {
	case !dotted && len(parts) > 0:
		d.report(diag.InvalidValue, n.Range, "write "+strings.Join(each, " or "), "the data source %s is split, so a part of it must be named", s.Name)
	case dotted && s.splitNode != nil && (parts == nil || incomplete(s.splitNode.Get("parts"))): // reported
	case dotted && parts == nil:
		help := "write " + s.Name
		if s.Decl != nil && !(s.Kind != nil && s.Kind.Batches) {
			help += ", or give it parts: split: {parts: {train: 0.8, test: 0.2}}"
		}
		d.report(diag.UnknownSource, n.Range, help, "the data source %s has no parts", s.Name)
	case dotted && !slices.Contains(parts, part):
		d.report(diag.UnknownSource, n.Range, cmp.Or(Suggestion(d.list, part, parts), "available: "+strings.Join(each, ", ")), "the data source %s has no part %s", s.Name, Quoted(part))
	default:
		return part
	}
	return ""
}

// unknownDataSource stands for a data source that wasn't found or decoded, which was
// reported: it may have any field.
func unknownDataSource(name string) *DataSource {
	return &DataSource{Name: name, Body: &Module{Root: true, Open: true}, Used: true}
}
