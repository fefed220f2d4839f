package syntax

import (
	"regexp"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

func (d *decoder) dataSources(n *tree.Node, specFile string, o Options) []*DataSource {
	var sources []*DataSource
	for _, e := range d.entries(n, "data") {
		s := &DataSource{Name: e.Key.Text, At: e.Key.Range}
		sources = append(sources, s)
		fields, ok := d.fields(e.Value, sourceSection)
		if !ok {
			s.Body = &Module{Root: true, Open: true}
			continue
		}
		generate, replay := fields["generate"], fields["replay"]
		switch {
		case generate != nil && replay != nil:
			d.report(diag.InvalidValue, s.At, "", "the data source %s has both generate and replay; it can be one of them", s.Name)
			fallthrough
		case generate != nil:
			s.Body = &Module{Name: s.Name, At: s.At, Root: true, Items: d.nodes(generate), Open: incomplete(generate)}
			if f := fields["fields"]; f != nil && replay == nil {
				d.report(diag.UnknownKey, f.Range, "remove it", "the nodes of generate are the fields; `fields` belongs to replay")
			}
		case replay != nil:
			d.replay(s, replay, fields["fields"], specFile, o)
		default:
			d.report(diag.MissingKey, s.At, "write generate: {…}, or replay: FILE with fields: {…}",
				"the data source %s says not where its data come from", s.Name)
			s.Body = &Module{Root: true, Open: true}
		}
	}
	return sources
}

func (d *decoder) replay(s *DataSource, file, fields *tree.Node, specFile string, o Options) {
	if text, ok := d.text(file, "replay"); ok {
		s.File, s.Named = text, file.Range
		s.Path = d.path(file, specFile, text, "file", o.AllowRead, allowHelp)
		d.format(file)
	}
	if fields == nil {
		d.report(diag.MissingKey, s.At, "fields: what each tensor of the file is called here", "the data source %s has no key `fields`", s.Name)
		s.Body = &Module{Root: true, Open: true}
		return
	}
	for _, e := range d.entries(fields, "fields") {
		f := &Field{Name: e.Key.Text, At: e.Key.Range}
		s.Fields = append(s.Fields, f)
		decl, ok := d.fields(e.Value, fieldSection)
		if !ok {
			continue
		}
		f.Tensor, _ = d.text(decl["tensor"], "tensor")
		f.Type = d.typed(decl["type"], "the field "+f.Name)
	}
}

// format warns of a file whose ending is that of another format than safetensors.
func (d *decoder) format(n *tree.Node) {
	if format := foreign.Format(n.Text); format != "" {
		d.report(diag.FileFormat, n.Range, "save the tensors as safetensors, in Python with safetensors.torch.save_file(tensors, FILE) or safetensors.numpy.save_file",
			"the ending of %s is that of another format (%s); tensors are read from safetensors files", diag.Cut(n.Text), format)
	}
}

func (d *decoder) placement(n *tree.Node) Placement {
	p := Placement{Default: "auto"}
	if n == nil {
		return p
	}
	fields, ok := d.fields(n, PlacementSection)
	if !ok {
		return p
	}
	if f := fields["default"]; f != nil {
		if text, ok := d.text(f, "default"); ok && (text == "auto" || d.checkDevice(f, text)) {
			p.Default = text
		}
	}
	rules := fields["rules"]
	if rules == nil || rules.Broken {
		return p
	}
	if rules.Kind != tree.List {
		d.report(diag.WrongType, rules.Range, "begin each rule with `-`", "rules is a list, not %s", rules.Kind)
		return p
	}
	if len(rules.Items) > maxRules {
		d.report(diag.TooLarge, rules.Range, "patterns match many nodes at once", "there are %d placement rules; at most %d are possible", len(rules.Items), maxRules)
		return p
	}
	for _, item := range rules.Items {
		decl, ok := d.fields(item, ruleSection)
		if !ok || decl["match"] == nil {
			continue
		}
		r := &PlacementRule{At: decl["match"].Range}
		r.Match, _ = d.text(decl["match"], "match")
		r.Device = d.device(decl["device"])
		r.Prefer = d.device(decl["prefer"])
		if (decl["device"] == nil) == (decl["prefer"] == nil) {
			d.report(diag.InvalidValue, keyRange(item), "write device: to bind, prefer: to wish", "a placement rule has either device or prefer")
			continue
		}
		p.Rules = append(p.Rules, r)
	}
	return p
}

// maxRules bounds the placement rules: each is tried on every node.
const maxRules = 1000

var (
	deviceNames = regexp.MustCompile(`^(cpu|sim|opencl|cuda|metal)(:[0-9]{1,3})?$`)
	deviceHelp  = `a device is cpu, cuda, opencl or metal, perhaps with a number: "cuda:0"`
)

func (d *decoder) device(n *tree.Node) string {
	text, ok := d.text(n, "device")
	if !ok || !d.checkDevice(n, text) {
		return ""
	}
	return text
}

func (d *decoder) checkDevice(n *tree.Node, text string) bool {
	if deviceNames.MatchString(text) {
		return true
	}
	kind, _, _ := strings.Cut(text, ":")
	help := d.list.Suggestion(kind, []string{"cpu", "cuda", "opencl", "metal", "auto"})
	if number := strings.TrimLeft(kind, "abcdefghijklmnopqrstuvwxyz"); deviceNames.MatchString(strings.TrimSuffix(kind, number) + ":" + number) {
		help = "write " + strings.TrimSuffix(kind, number) + ":" + number
	}
	if help == "" || kind == "gpu" {
		help = deviceHelp
	}
	d.report(diag.InvalidValue, n.Range, help, "`%s` is not a device", diag.Cut(text))
	return false
}
