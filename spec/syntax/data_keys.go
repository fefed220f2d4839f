package syntax

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// The keys of data sources. A data source has one key that says where its examples come
// from, and the section of that key: what all have in common, and what a kind of file adds.

// The keys of data sources that read no files of their own.
const (
	generate = "generate"
	zip      = "zip"
	mix      = "mix"
)

// origin is a key that says where a data source's examples come from.
type origin struct {
	Key
	kind   *table.Kind // nil unless it names files
	source *Section    // of data sources that have the key
	field  *Section    // of their fields; nil if they declare none
	absent table.Options
}

// origins are those keys in the order of the reference.
var origins []*origin

func originOf(name string) *origin {
	if i := slices.IndexFunc(origins, func(o *origin) bool { return o.Name == name }); i >= 0 {
		return origins[i]
	}
	return nil
}

// SourceSection has the keys that data sources of files have in common, FieldSection
// those of their fields.
var (
	SourceSection = &Section{name: "a data source", Doc: "Where batches come from.", Keys: []Key{
		{Name: "fields", Value: "fields", doc: "the fields by name", Required: true},
		batchKey,
		{Name: "shuffle", Value: "bool", doc: "whether each epoch has an order of its own", more: "a random permutation of all examples", Default: "false"},
		dropKey, repeatKey,
		{Name: "limit", Value: "data count", doc: "the number of examples to use: the first; by default all"},
		splitKey, transformKey,
	}}
	FieldSection = &Section{name: "a field", Doc: "A field of a data source.", Keys: []Key{
		{Name: "type", Value: "type", doc: "the type of one example", more: "without symbolic dimensions", Required: true},
		{Name: "classes", Value: "classes", doc: "how many classes the field has, or a list of them", more: "its texts become ids, from 0: those of the list, or in the order of their bytes"},
		{Name: "unknown", Value: "data length", doc: "the id of a text that is no class", more: "without it, such a text is an error"},
		{Name: "normalize", Value: "normalize", doc: "subtract the mean and divide by the standard deviation", more: "`element`: each element of an example has its own; `field`: all have the same"},
		{Name: "fill", Value: "fill", doc: "what takes the place of a missing value: mean, median, a number, a class; or drop, which leaves the example out", more: "without it, a missing value is an error"},
	}}

	batchKey     = Key{Name: "batch", Value: "data count", doc: "the number of examples in a batch", more: "required, unless only `zip` and `mix` use the data source"}
	dropKey      = Key{Name: "drop_last", Value: "bool", doc: "whether to leave out an epoch's last batch if it is smaller", Default: "false"}
	repeatKey    = Key{Name: "repeat", Value: "steps", doc: "the number of epochs that it provides", Default: unlimited}
	splitKey     = Key{Name: "split", Value: "split", doc: "parts that have no example in common"}
	transformKey = Key{Name: "transform", Value: "nodes", doc: "nodes computed of each batch", more: "each defines or replaces a field"}
)

// Keys of one name in several sections: data sources without a part of the common ones.
var (
	replayKeys = []Key{
		{Name: "fields", Value: "fields", doc: "the fields by name", Required: true},
		{Name: "repeat", Value: "steps", doc: "how often to go through the batches", Default: "1"},
		transformKey,
	}
	joinKeys = []Key{
		batchKey,
		{Name: "shuffle", Value: "bool", doc: "whether each epoch has an order of its own", more: "a random permutation of all examples", Default: "false"},
		dropKey, repeatKey,
		{Name: "limit", Value: "data count", doc: "the number of examples to use: the first; by default all"},
		splitKey, transformKey,
	}
)

func init() { register(data.Kinds) }

// register makes the sections and forms of data sources from the table of kinds.
func register(kinds []table.Kind) {
	origins = []*origin{{Key: Key{Name: generate, Value: "nodes", doc: "nodes, recomputed at every step; each is a field"}}}
	for i := range kinds {
		k := &kinds[i]
		o := &origin{Key: Key{Name: k.Name, Value: filesForm(k), doc: k.Doc}, kind: k, absent: table.Options{}}
		common, fields := SourceSection.Keys, FieldSection.Keys
		if k.Batches {
			common, fields = replayKeys, []Key{{Name: "type", Value: "type", doc: "the type of one batch", more: "without symbolic dimensions", Required: true}}
		}
		o.source = &Section{name: "a data source", Doc: Capital(k.Doc) + ".", Keys: slices.Clone(common)}
		o.source.Keys[0].Value = k.Name + " fields"
		if key := o.source.Key("split"); key != nil && k.InOrder {
			key.Value = "split in order"
		}
		for _, key := range k.Keys {
			o.source.Keys = append(o.source.Keys, keyOf(key))
		}
		o.field = &Section{name: "a field", Doc: "A field of " + k.Name + ".", Keys: slices.Clone(fields)}
		for _, key := range k.FieldKeys {
			k := keyOf(key)
			k.Unsaid = true // alpha and resize are of images, which not all fields of a CSV file are
			o.field.Keys = append(o.field.Keys, k)
		}
		examples[o.field] = exampleOf(o.field)
		Forms[k.Name+" fields"] = &Form{words: "a mapping of names", Entries: k.Name + " field", Shortest: 1}
		Forms[k.Name+" field"] = &Form{Section: o.field}
		origins = append(origins, o)
	}
	origins = append(origins,
		&origin{Key: Key{Name: zip, Value: "sources to zip", doc: "data sources of equal length", more: "an example has the fields of all"}, source: &Section{Keys: slices.Clone(joinKeys)}},
		&origin{Key: Key{Name: mix, Value: "sources to mix", doc: "data sources with equal fields, each with its weight", more: "so many of its examples are in each run of as many as all weights together"},
			source: &Section{Keys: slices.Clone(joinKeys)}})
	form := &Form{Doc: "A data source: nodes that generate its batches, files, or other data sources."}
	for _, o := range origins {
		if o.source == nil {
			o.source = &Section{}
		}
		o.source.name, o.source.Doc = "a data source", Capital(o.doc)+"."
		o.source.Keys = slices.Insert(o.source.Keys, 0, o.Key)
		o.source.Keys[0].Required = true
		Forms[o.Name+" source"] = &Form{Section: o.source}
		form.By = append(form.By, Case{o.Name, o.Name + " source"})
	}
	Forms["source"] = form
	for _, o := range origins {
		o.elsewhere()
		if o.kind != nil {
			o.defaults(o.kind)
		}
	}
}

// exampleOf says how to write a field.
func exampleOf(s *Section) string {
	var keys []string
	for _, k := range s.Keys[1:] {
		if k.Required {
			keys = append(keys, k.Name+": NAME")
		}
	}
	return "write {" + strings.Join(append(keys, `type: "f32[8]"`), ", ") + "}"
}

// filesForm is the form of the files of a kind.
func filesForm(k *table.Kind) string {
	switch {
	case k.Batches:
		return "text"
	case k.PerField:
		return "files by field"
	}
	return "files"
}

// keyOf is a kind's key as a section has it.
func keyOf(k table.Key) Key {
	key := Key{Name: k.Name, doc: k.Doc, more: k.More, Required: k.Required, Default: k.Default}
	switch k.Form {
	case table.FormBool:
		key.Value = "bool"
	case table.FormCount:
		key.Value = "data count"
	case table.FormLength:
		key.Value = "data length"
	case table.FormInt:
		key.Value = "int"
	case table.FormCharacter:
		key.Value = "character"
	case table.FormTexts:
		key.Value = "texts"
	case table.FormChoice:
		key.Value = "one of " + strings.Join(k.Values, ", ")
		Forms[key.Value] = &Form{words: "`" + strings.Join(k.Values, "`, `") + "`", Enum: k.Values}
	default:
		key.Value = "text"
	}
	return key
}

// elsewhere notes where the keys are that a data source or field of this origin lacks.
func (o *origin) elsewhere() {
	note := func(s *Section, key, help string) {
		if s == nil || s.Key(key) != nil {
			return
		}
		if s.elsewhere == nil {
			s.elsewhere = map[string]string{}
		}
		if old := s.elsewhere[key]; old != "" {
			help = old + " and of " + strings.TrimPrefix(help, "`"+key+"` is a key of ")
		}
		s.elsewhere[key] = help
	}
	is := func(key, of string) string { return fmt.Sprintf("`%s` is a key of %s", key, of) }
	if o.field != nil {
		for _, k := range o.field.Keys {
			note(o.source, k.Name, is(k.Name, "each field"))
		}
		for _, k := range o.source.Keys {
			note(o.field, k.Name, is(k.Name, "the data source"))
		}
	}
	for _, other := range origins {
		if other == o {
			continue
		}
		for _, k := range other.source.Keys[1:] {
			note(o.source, k.Name, is(k.Name, other.Name))
		}
		if other.field != nil {
			for _, k := range other.field.Keys {
				note(o.field, k.Name, is(k.Name, "the fields of "+other.Name))
			}
		}
	}
}

// defaults reads what absent keys mean. A default that isn't what its key takes is a fault
// of the table.
func (o *origin) defaults(kind *table.Kind) {
	var list diag.List
	d := &decoder{list: &list}
	for _, k := range slices.Concat(kind.Keys, kind.FieldKeys) {
		if k.Default == "" {
			continue
		}
		n := tree.Parse("default", k.Default, &list)
		value, ok := any(nil), false
		if n != nil {
			value, ok = d.option(n, k)
		}
		if !ok || len(list.Items) > 0 {
			panic(fmt.Sprintf("spec: the default of %s's key %s is invalid:\n%s", kind.Name, k.Name, list.Text()))
		}
		o.absent[k.Name] = table.Option{Value: value}
	}
}

// What data sources' own keys take.
func init() {
	for name, f := range map[string]*Form{
		"files":          {words: "a file, a pattern or a folder, or a list of them", Any: []string{"text", "file names"}},
		"files by field": {words: "a file or a list of files, or a file for each field", Any: []string{"text", "file names", "field files"}},
		"file names":     {Items: "text", Shortest: 1},
		"field files":    {Entries: "text", Shortest: 1},
		"texts":          {words: "a string, or a list of strings", Any: []string{"text", "text list"}},
		"text list":      {Items: "text"},
		"character":      {words: "one character", Scalar: []string{"string"}},
		"data count":     {words: "an int of at least 1, or a var's name", Any: []string{"count", "name"}},
		"data length":    {words: "an int of at least 0, or a var's name", Any: []string{"any length", "name"}},
		"any length":     {words: "an int of at least 0", Scalar: []string{"integer"}, Minimum: 0, Maximum: math.MaxInt64},
		"classes":        {words: "an int of at least 1, a var's name, or a list of strings", Any: []string{"count", "name", "class names"}},
		"class names":    {Items: "text", Shortest: 1},
		"normalize":      {words: "`element` or `field`", Enum: []string{string(table.PerElement), string(table.PerField)}},
		"fill":           {words: "a number or a string", Scalar: []string{"string", "number"}},
		"fields":         {words: "a mapping of names", Entries: "field", Shortest: 1},
		"field":          {Section: FieldSection},
		"sources to zip": {words: "a list of names", Items: "name", Shortest: 2},
		"sources to mix": {words: "weights by name", Entries: "count", Shortest: 2},
		"split":          {words: "a mapping", Section: splitSection},
		"split in order": {words: "a mapping", Section: splitInOrder},
		"parts":          {words: "fractions by name, or with `by` texts", Entries: "part", Shortest: 1},
		"part":           {Any: []string{"fraction", "text", "class names"}},
		"fraction":       {Scalar: []string{"number"}},
		"part order":     {words: "`random` or `in_order`", Enum: []string{"random", "in_order"}},
	} {
		Forms[name] = f
	}
}

// The keys of parts, which are drawn unless a spec says otherwise, or, for some kinds of
// files, taken in order.
var splitSection, splitInOrder = splitKeys("random"), splitKeys(inOrder)

func splitKeys(order string) *Section {
	return &Section{name: "split", Doc: "Parts of a data source that have no example in common.", Keys: []Key{
		{Name: "parts", Value: "parts", doc: "each part's fraction of the examples, or with `by` its texts", Required: true},
		{Name: "by", Value: "name", doc: "a field of classes whose texts say which part an example is in", more: "instead of drawing"},
		{Name: "stratify", Value: "name", doc: "a field of classes that each part has in the same proportions"},
		{Name: "order", Value: "part order", doc: "whether to draw the parts, or to take them one after the other", Default: order},
		{Name: "seed", Value: "int", doc: "the seed that they are drawn with", more: "the spec's seed and the batch size have no effect on parts", Default: "0"},
	}}
}
