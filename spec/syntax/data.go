package syntax

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

func (d *decoder) dataSources(n *tree.Node) []*DataSource {
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
			d.replay(s, replay, fields["fields"])
		default:
			d.report(diag.MissingKey, s.At, "write generate: {…}, or replay: FILE with fields: {…}",
				"the data source %s says not where its data come from", s.Name)
			s.Body = &Module{Root: true, Open: true}
		}
	}
	return sources
}

func (d *decoder) replay(s *DataSource, file, fields *tree.Node) {
	if text, ok := d.text(file, "replay"); ok {
		s.Path, s.Named = d.filePath(file, text), file.Range
		d.warnOfFormat(file)
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

// warnOfFormat warns of a file whose ending is that of another format than safetensors.
func (d *decoder) warnOfFormat(n *tree.Node) {
	if format := foreign.Format(n.Text); format != "" {
		d.report(diag.FileFormat, n.Range, "save the tensors as safetensors, in Python with safetensors.torch.save_file(tensors, FILE) or safetensors.numpy.save_file",
			"the ending of %s is that of another format (%s); tensors are read from safetensors files", diag.Cut(n.Text), format)
	}
}
