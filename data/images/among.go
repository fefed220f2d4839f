package images

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// keyImage says that a field's texts are the paths of images.
const keyImage = "image"

// Among adds images to a kind whose fields are read as texts or numbers, such as CSV: a
// field with `image: true` has the pixels of the file that its text names, relative to the
// folder of the file with the text. The kind itself reads the field as classes.
func Among(k table.Kind) table.Kind {
	check, open := k.Check, k.Open
	k.Keys = append(slices.Clone(k.Keys), maxPixelsKey)
	k.FieldKeys = append(slices.Clone(k.FieldKeys), table.Key{Name: keyImage, Form: table.FormBool, Default: "false",
		Doc:  "the text names an image, and the field has its pixels",
		More: "its path is relative to the file's folder; pixels are `u8[C, H, W]`, or `f32[C, H, W]` from 0 to 1, as those of the kind `images`"},
		alphaKey, resizeKey)
	k.Check = func(d *table.Decl) []table.Problem { return checkAmong(d, check) }
	k.Open = func(ctx context.Context, in *table.Input) (table.Table, error) { return openAmong(ctx, in, open) }
	return k
}

// isImage reports whether a field has pixels.
func isImage(f *table.Field) bool { return f.Options.Bool(keyImage) }

// asPaths is a declaration in which fields of pixels have the paths instead, as classes.
func asPaths(d *table.Decl) *table.Decl {
	paths := *d
	paths.Fields = slices.Clone(d.Fields)
	for i := range paths.Fields {
		if f := &paths.Fields[i]; isImage(f) {
			f.Type = ir.Scalar(ir.I64)
			f.Classes = &table.Classes{Count: math.MaxInt32, Unknown: -1}
			f.Normalize = table.NotNormalized
		}
	}
	return &paths
}

func checkAmong(d *table.Decl, check func(*table.Decl) []table.Problem) (found []table.Problem) {
	if check != nil {
		found = check(asPaths(d))
	}
	for i := range d.Fields {
		f := &d.Fields[i]
		add := func(help, format string, args ...any) {
			found = append(found, table.Problem{At: f.At, Message: "field " + f.Name + ": " + fmt.Sprintf(format, args...), Help: help})
		}
		if isImage(f) {
			checkPixels(f, add)
			continue
		}
		for _, key := range []string{keyAlpha, keyResize} {
			if f.Options[key].At.Known() {
				add("add `image: true`, or remove it", "`%s` is for pixels", key)
			}
		}
	}
	return found
}

func openAmong(ctx context.Context, in *table.Input, open func(context.Context, *table.Input) (table.Table, error)) (table.Table, error) {
	if !slices.ContainsFunc(in.Decl.Fields, func(f table.Field) bool { return isImage(&f) }) {
		return open(ctx, in)
	}
	paths := &table.Input{Decl: asPaths(in.Decl), Files: in.Files, Prepare: in.Prepare, Note: in.Note}
	if in.Fault != nil { // all faults are asked for
		paths.Fault = in.Report
	}
	rows, err := open(ctx, paths)
	if err != nil {
		return nil, err
	}
	a := &among{Table: rows, fields: make([]*album, len(in.Decl.Fields))}
	for i := range in.Decl.Fields {
		if isImage(&in.Decl.Fields[i]) {
			if a.fields[i], err = openPixels(ctx, in, rows, i); err != nil {
				return nil, errors.Join(err, a.Close())
			}
		}
	}
	return a, nil
}

// among is a table of rows some of whose fields are the pixels of images.
type among struct {
	table.Table
	fields []*album // by field; nil: the rows'
}

// album is a field of images.
type album struct {
	table.Prepared
	of []int32 // a row's image
}

// openPixels reads the paths of a field, and then the images.
func openPixels(ctx context.Context, in *table.Input, rows table.Table, field int) (*album, error) {
	p := &album{of: make([]int32, rows.Len())}
	pictures, err := p.find(in, rows, field)
	if err != nil {
		return nil, err
	}
	d := *in.Decl
	f := d.Fields[field]
	f.Options = table.Options{keyValue: {Value: valueImage}, keyAlpha: f.Options[keyAlpha], keyResize: f.Options[keyResize]}
	d.Fields = []table.Field{f}
	one := &table.Input{Decl: &d, Files: in.Files, Prepare: in.Prepare, Fault: in.Report, Note: in.Note}
	outcomes, err := examine(ctx, one, pictures)
	if err != nil {
		return nil, err
	}
	for i, o := range outcomes {
		if o.fault == "" {
			continue
		}
		if err := one.Report(pictures[i].fault(o.fault)); err != nil {
			return nil, err
		}
	}
	if err := one.Faultless(); err != nil {
		return nil, err
	}
	m := newMaker(one, pictures)
	p.Prepared, err = in.Prepare(ctx, m.key(), m.columns, func(w table.Writer) error { return m.fill(ctx, w) })
	if err != nil {
		return nil, err
	}
	return p, nil
}

// find numbers the images that the rows name.
func (p *album) find(in *table.Input, rows table.Table, field int) ([]picture, error) {
	type name struct {
		folder string
		code   uint32
	}
	texts := rows.Column(field).Texts
	numbers := map[name]int32{}
	var all []picture
	const group = 1024
	codes := make([]byte, 4*group)
	for from := int64(0); from < rows.Len(); from += group {
		n := min(group, rows.Len()-from)
		some := make([]int64, n)
		for i := range some {
			some[i] = from + int64(i)
		}
		if err := rows.Read(field, some, codes[:4*n]); err != nil {
			return nil, err
		}
		for i, row := range some {
			at := rows.At(row, field)
			key := name{filepath.Dir(at.File), binary.LittleEndian.Uint32(codes[4*i:])}
			number, known := numbers[key]
			if !known {
				number = int32(len(all))
				numbers[key] = number
				path := filepath.FromSlash(texts[key.code])
				if !filepath.IsAbs(path) {
					path = filepath.Join(key.folder, path)
				}
				all = append(all, picture{path: path, named: at})
			}
			p.of[row] = number
		}
	}
	return all, nil
}

func (a *among) Column(field int) table.Column {
	if p := a.fields[field]; p != nil {
		return p.Column(0)
	}
	return a.Table.Column(field)
}

// ElementAt implements table.Sequenced.
func (a *among) ElementAt(row int64, field, element int) table.Place {
	if s, ok := a.Table.(table.Sequenced); ok && a.fields[field] == nil {
		return s.ElementAt(row, field, element)
	}
	return a.At(row, field)
}

func (a *among) Read(field int, rows []int64, dst []byte) error {
	p := a.fields[field]
	if p == nil {
		return a.Table.Read(field, rows, dst)
	}
	images := make([]int64, len(rows))
	for i, row := range rows {
		images[i] = int64(p.of[row])
	}
	return p.Read(0, images, dst)
}

func (a *among) Fingerprint() string {
	all := a.Table.Fingerprint()
	for _, p := range a.fields {
		if p != nil {
			all += " " + p.Fingerprint()
		}
	}
	return all
}

func (a *among) Verify() error {
	err := a.Table.Verify()
	for _, p := range a.fields {
		if p != nil {
			err = errors.Join(err, p.Verify())
		}
	}
	return err
}

func (a *among) Close() error {
	err := a.Table.Close()
	for _, p := range a.fields {
		if p != nil {
			err = errors.Join(err, p.Close())
		}
	}
	return err
}
