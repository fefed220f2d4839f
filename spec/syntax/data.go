package syntax

import (
	"strings"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

func (d *decoder) dataSources(n *tree.Node) []*DataSource {
	var sources []*DataSource
	for _, e := range d.entries(n, "data") {
		s := &DataSource{Name: e.Key.Text, At: e.Key.Range, Body: &Module{Root: true, Open: true}}
		sources = append(sources, s)
		fields, ok := d.fields(e.Value, sourceSection)
		if !ok {
			continue
		}
		var given []string
		for _, key := range sourceSection.One {
			if fields[key] != nil {
				given = append(given, key)
			}
		}
		if len(given) > 1 {
			d.report(diag.InvalidValue, s.At, "", "the data source %s has both `%s` and `%s`; use one of them", s.Name, given[0], given[1])
		}
		switch {
		case given == nil:
			d.report(diag.MissingKey, s.At, "write generate: {…}, or "+sourceSection.One[1]+": FILE with fields: {…}", "the data source %s has neither %s", s.Name, strings.Join(sourceSection.One, " nor "))
		case given[0] == generate:
			items := fields[generate]
			s.Body = &Module{Name: s.Name, At: s.At, Root: true, Items: d.nodes(items), Open: incomplete(items)}
			if f := fields["fields"]; f != nil && len(given) == 1 {
				d.report(diag.UnknownKey, f.Range, "remove it", "`fields` applies only to %s; the nodes of generate are the fields", strings.Join(sourceSection.One[1:], " and "))
			}
		default:
			d.fileSource(s, data.RecordingOf(given[0]), fields[given[0]], fields["fields"])
		}
	}
	return sources
}

// generate is the key of data sources that read no file.
const generate = "generate"

// dataKeys are the keys of a data source that say where its batches come from, of which
// it has one.
func dataKeys() (names []string, keys []Key) {
	keys = []Key{{Name: generate, Value: "nodes", doc: "nodes, recomputed at every step; each is a field"}}
	for _, k := range data.Recordings {
		keys = append(keys, Key{Name: k.Name, Value: "text", doc: k.Doc})
	}
	for _, k := range keys {
		names = append(names, k.Name)
	}
	return names, keys
}

// fileSource decodes a data source that reads a file.
func (d *decoder) fileSource(s *DataSource, kind *data.Recording, file, fields *tree.Node) {
	s.Kind = kind.Name
	if text, ok := d.text(file, kind.Name); ok {
		s.Path, s.Named = d.filePath(file, text), file.Range
		if kind.Safetensors {
			d.warnOfFormat(file)
		}
	}
	if fields == nil {
		d.report(diag.MissingKey, s.At, "fields: names for the file's tensors", "the data source %s requires the key `fields`", s.Name)
		return
	}
	s.Body = nil
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
		d.report(diag.FileFormat, n.Range, "convert it in Python with safetensors.torch.save_file(tensors, FILE) or safetensors.numpy.save_file",
			"%s has the extension of another format (%s); only safetensors files are supported", diag.Cut(n.Text), format)
	}
}
