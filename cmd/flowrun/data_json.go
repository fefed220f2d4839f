package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun"
)

// The JSON of a data source. docs/data.md lists the keys; they don't change.

type dataJSON struct {
	Source      string          `json:"source"`
	Kind        string          `json:"kind"`
	Files       []string        `json:"files,omitempty"`
	Sources     []string        `json:"sources,omitempty"` // of a zip or mix
	Parts       []string        `json:"parts,omitempty"`
	Examples    int64           `json:"examples"`
	Batch       int64           `json:"batch,omitempty"`
	EpochSteps  int64           `json:"epoch_steps,omitempty"`
	LastBatch   int64           `json:"last_batch"` // its examples
	InOrder     bool            `json:"in_order"`
	Fingerprint string          `json:"fingerprint"`
	LearnedFrom string          `json:"learned_from"`
	Mix         []mixJSON       `json:"mix,omitempty"`
	Prepared    []preparedJSON  `json:"prepared"`
	Notes       []string        `json:"notes"`
	Fields      []dataFieldJSON `json:"fields"`
}

type mixJSON struct {
	Source   string `json:"source"`
	Weight   int64  `json:"weight"`
	Examples int64  `json:"examples"`
}

type preparedJSON struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
	Made  bool   `json:"made"`
}

type dataFieldJSON struct {
	Name       string           `json:"name"`
	Type       string           `json:"type"`
	Stored     string           `json:"stored,omitempty"`
	BatchType  string           `json:"batch_type,omitempty"`
	Computed   bool             `json:"computed,omitempty"` // by transform
	Elements   []string         `json:"elements,omitempty"`
	Normalize  string           `json:"normalize,omitempty"`
	Mean       []float64        `json:"mean,omitempty"`
	Std        []float64        `json:"std,omitempty"`
	Fill       string           `json:"fill,omitempty"`
	FillValues []float64        `json:"fill_values,omitempty"`
	FillText   *string          `json:"fill_text,omitempty"`
	Vocabulary bool             `json:"vocabulary,omitempty"`
	Unknown    *int64           `json:"unknown,omitempty"`
	Classes    []classJSON      `json:"classes,omitempty"`
	Statistics []statisticsJSON `json:"statistics,omitempty"`
}

type classJSON struct {
	ID    int64  `json:"id"`
	Class string `json:"class"`
	Count int64  `json:"count"`
}

type statisticsJSON struct {
	Element   string          `json:"element,omitempty"`
	Count     int64           `json:"count"`
	Missing   int64           `json:"missing"`
	NotFinite int64           `json:"not_finite"`
	Min       json.RawMessage `json:"min"`
	Max       json.RawMessage `json:"max"`
	Mean      *float64        `json:"mean"`
	Std       *float64        `json:"std"`
}

// describeData gives the description.
func describeData(ctx context.Context, d *flowrun.DataSource, notes []string) (*dataJSON, error) {
	decl := d.Decl()
	j := &dataJSON{Source: d.Name(), Kind: decl.Kind, Files: decl.Files, Sources: decl.Zip, Parts: decl.Parts, Examples: d.Examples(),
		Batch: decl.Batch, EpochSteps: d.EpochSteps(), LastBatch: d.Remainder(), InOrder: d.InOrder(),
		Fingerprint: d.Fingerprint(), LearnedFrom: d.LearnedFrom(), Prepared: []preparedJSON{}, Notes: append([]string{}, unique(notes)...)}
	if !d.HasBatches() {
		j.EpochSteps = 0
	}
	for _, p := range d.Prepared() {
		j.Prepared = append(j.Prepared, preparedJSON(p))
	}
	for _, c := range d.Components() {
		j.Mix = append(j.Mix, mixJSON{c.Name, c.Weight, c.Examples})
	}
	batch, err := d.BatchFields()
	if err != nil {
		return nil, err
	}
	fields := d.Fields()
	for _, b := range batch {
		i := slices.IndexFunc(fields, func(f flowrun.DataField) bool { return f.Name == b.Name })
		if i < 0 {
			j.Fields = append(j.Fields, dataFieldJSON{Name: b.Name, Type: "", BatchType: b.Type.String(), Computed: true})
			continue
		}
		f, err := describeFieldJSON(ctx, d, &fields[i])
		if err != nil {
			return nil, err
		}
		if d.HasBatches() {
			f.BatchType = b.Type.String()
		}
		j.Fields = append(j.Fields, f)
	}
	return j, nil
}

func describeFieldJSON(ctx context.Context, d *flowrun.DataSource, f *flowrun.DataField) (dataFieldJSON, error) {
	j := dataFieldJSON{Name: f.Name, Type: f.Type.String(), Stored: f.Stored.String(), Elements: f.Elements, Normalize: f.Normalize,
		Mean: f.Mean, Std: f.Std, Fill: f.Fill, FillValues: f.Fills, Vocabulary: f.Vocabulary, Unknown: f.Unknown}
	if word := storedWord(f); word != "" {
		j.Stored = word
	}
	switch f.Fill {
	case "text":
		j.FillText = &f.FillText
	case "value":
		j.FillValues = []float64{f.FillValue}
	}
	mixed := d.Components() != nil
	if f.Classes != nil {
		var counts map[int64]int64
		if !mixed {
			var err error
			if counts, err = d.Counts(ctx, f.Name); err != nil {
				return j, err
			}
		}
		for _, c := range f.Classes {
			j.Classes = append(j.Classes, classJSON{c.ID, c.Name, counts[c.ID]})
		}
		return j, nil
	}
	if mixed {
		return j, nil
	}
	each := eachElement(f)
	all, err := d.Statistics(ctx, f.Name, each)
	for i, v := range all {
		s := statisticsJSON{Count: v.Count, Missing: v.Missing, NotFinite: v.NonFinite, Min: json.RawMessage("null"), Max: json.RawMessage("null")}
		if each {
			s.Element = strconv.Itoa(i + 1)
			if f.Elements != nil {
				s.Element = f.Elements[i]
			}
		}
		if v.Count > v.NonFinite {
			s.Mean, s.Std = &v.Mean, &v.Std
			s.Min, s.Max = appendFloat(nil, v.Min, f.Stored.DType), appendFloat(nil, v.Max, f.Stored.DType)
			if !f.Stored.DType.IsFloat() {
				s.Min, s.Max = strconv.AppendInt(nil, v.MinInt, 10), strconv.AppendInt(nil, v.MaxInt, 10)
			}
		}
		j.Statistics = append(j.Statistics, s)
	}
	return j, err
}

// listDataJSON writes the descriptions of all data sources and their parts.
func listDataJSON(ctx context.Context, program *flowrun.Program, decls []flowrun.DataDecl, s streams) error {
	all := []any{}
	for _, d := range decls {
		if !d.ReadsFiles() {
			all = append(all, map[string]any{"source": d.Name, "kind": d.Kind})
			continue
		}
		names := []string{d.Name}
		for _, part := range d.Parts {
			names = append(names, d.Name+"."+part)
		}
		for _, name := range names {
			var notes []string
			source, err := program.Data(ctx, name, flowrun.DataOptions{Note: func(note string) { notes = append(notes, note) }})
			if err != nil {
				return err
			}
			j, err := describeData(ctx, source, notes)
			if err := errors.Join(err, source.Close()); err != nil {
				return err
			}
			all = append(all, j)
		}
	}
	return writeJSON(s.out, map[string]any{"sources": all})
}

// writeDataJSON writes the description, the examples and the batches. Examples and batches
// are written as they are read.
func writeDataJSON(ctx context.Context, d *flowrun.DataSource, notes []string, rows rowRange, batches, epoch int64, w io.Writer) error {
	if err := checkRanges(d, &rows, batches, epoch); err != nil {
		return err
	}
	j, err := describeData(ctx, d, notes)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	_, _ = out.Write(text[:len(text)-2]) // without "\n}"; the writer keeps its error
	if rows.first > 0 {
		if err := writeRows(ctx, d, rows, out); err != nil {
			return errors.Join(err, out.Flush())
		}
	}
	if batches > 0 {
		if err := writeBatches(ctx, d, batches, epoch, out); err != nil {
			return errors.Join(err, out.Flush())
		}
	}
	_, _ = out.WriteString("\n}\n")
	return out.Flush()
}

// checkRanges compares what was asked for with what there is, before anything is written.
func checkRanges(d *flowrun.DataSource, rows *rowRange, batches, epoch int64) error {
	if n := d.Examples(); rows.first > 0 {
		if rows.last == 0 {
			rows.last = n
		}
		if d.Components() != nil {
			return usageError{fmt.Errorf("--rows: %s is a mix, which has no examples of its own; name one of those that it mixes", d.Name())}
		}
		if rows.last > n || rows.first > n {
			return usageError{fmt.Errorf("--rows: %s has %d examples, not those from %d to %d", d.Name(), n, rows.first, max(rows.first, rows.last))}
		}
	}
	steps := d.EpochSteps()
	switch {
	case batches > 0 && !d.HasBatches():
		return usageError{fmt.Errorf("--batches: %s has no batch, so it has no batches of its own", d.Name())}
	case batches > steps:
		return usageError{fmt.Errorf("--batches: an epoch of %s has %d, not %d", d.Name(), steps, batches)}
	case epoch > math.MaxInt64/steps-1:
		return usageError{fmt.Errorf("--epoch: %d is too large", epoch)}
	case d.Steps() > 0 && (epoch+1)*steps > d.Steps():
		return usageError{fmt.Errorf("--epoch: %s provides %d, counted from 0", d.Name(), d.Steps()/steps)}
	}
	return nil
}

// pieceBytes is about how many bytes of values are read at once.
const pieceBytes = 1 << 20

// writeRows writes the values of examples.
func writeRows(ctx context.Context, d *flowrun.DataSource, rows rowRange, out *bufio.Writer) error {
	fields := d.Fields()
	size := 1
	for _, f := range fields {
		size += f.Type.Bytes() + f.Stored.Bytes()
	}
	few := max(1, int64(pieceBytes/size))
	_, _ = out.WriteString(",\n  \"rows\": [")
	values, stored := make([]*flowrun.Tensor, len(fields)), make([]*flowrun.Tensor, len(fields))
	var b []byte
	for first := rows.first - 1; first < rows.last; first += few {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := min(few, rows.last-first)
		for i, f := range fields {
			var err error
			if values[i], err = d.Values(f.Name, first, n); err != nil {
				return err
			}
			if stored[i], err = d.StoredValues(f.Name, first, n); err != nil {
				return err
			}
		}
		for k := range n {
			place, err := d.Place(first + k)
			if err != nil {
				return err
			}
			b = b[:0]
			if first+k >= rows.first {
				b = append(b, ',')
			}
			b = append(b, "\n    {"...)
			b = appendPlace(b, first+k, place)
			b = append(b, `, "fields": {`...)
			for i, f := range fields {
				if i > 0 {
					b = append(b, ", "...)
				}
				b = appendString(b, f.Name)
				b = append(b, ": "...)
				b = appendField(b, &f, values[i], stored[i], int(k))
			}
			b = append(b, "}}"...)
			if _, err := out.Write(b); err != nil {
				return err
			}
		}
	}
	_, err := out.WriteString("\n  ]")
	return err
}

// writeBatches writes which examples an epoch's first batches have.
func writeBatches(ctx context.Context, d *flowrun.DataSource, batches, epoch int64, out *bufio.Writer) error {
	order, steps := d.Batches(), d.EpochSteps()
	_, _ = out.WriteString(",\n  \"batches\": [")
	var b []byte
	for i := range batches {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		members, err := order(epoch*steps + i)
		if err != nil {
			return err
		}
		b = b[:0]
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "\n    {\"epoch\": %d, \"batch\": %d, \"step\": %d, \"examples\": [", epoch, i+1, epoch*steps+i+1)
		for k, m := range members {
			if k > 0 {
				b = append(b, ", "...)
			}
			b = append(b, '{')
			if m.Source != "" {
				b = append(b, `"source": `...)
				b = append(appendString(b, m.Source), ", "...)
			}
			b = append(appendPlace(b, m.Example, m.DataPlace), '}')
		}
		b = append(b, "]}"...)
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
	_, err := out.WriteString("\n  ]")
	return err
}

// appendPlace writes an example's number and place.
func appendPlace(b []byte, example int64, p flowrun.DataPlace) []byte {
	b = append(b, `"example": `...)
	b = strconv.AppendInt(b, example+1, 10)
	b = append(b, `, "file": `...)
	b = appendString(b, p.File)
	b = append(b, `, "row": `...)
	return strconv.AppendInt(b, p.Row, 10)
}

// appendString writes a JSON string; what isn't UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string always has one
	return append(b, text...)
}

// appendField writes a field of one example: the id and the class, or the value, and what is
// stored if that is another one.
func appendField(b []byte, f *flowrun.DataField, values, stored *flowrun.Tensor, k int) []byte {
	n := f.Type.Shape.Numel()
	if f.Classes != nil {
		b = append(b, `{"id": `...)
		b = appendArray(b, f.Type.Shape, k*n, n, func(b []byte, i int) []byte { return strconv.AppendInt(b, values.Int(i), 10) })
		b = append(b, `, "class": `...)
		b = appendArray(b, f.Type.Shape, k*n, n, func(b []byte, i int) []byte {
			if f.Texts != nil {
				return appendString(b, storedName(f, stored.Int(i)))
			}
			if name, ok := f.ClassName(values.Int(i)); ok {
				return appendString(b, name)
			}
			return append(b, "null"...)
		})
		return append(b, '}')
	}
	b = append(b, `{"value": `...)
	b = appendArray(b, f.Type.Shape, k*n, n, func(b []byte, i int) []byte { return appendNumber(b, values, i) })
	if f.Normalize != "" || f.Fills != nil {
		b = append(b, `, "stored": `...)
		b = appendArray(b, f.Type.Shape, k*n, n, func(b []byte, i int) []byte {
			if f.Fills != nil && math.IsNaN(stored.Float(i)) {
				return append(b, "null"...)
			}
			return appendNumber(b, stored, i)
		})
	}
	return append(b, '}')
}

// appendArray writes nested lists, or one value if there is no dimension.
func appendArray(b []byte, shape flowrun.Shape, from, n int, element func([]byte, int) []byte) []byte {
	if len(shape) == 0 {
		return element(b, from)
	}
	b = append(b, '[')
	for i := range shape[0] {
		if i > 0 {
			b = append(b, ", "...)
		}
		each := n / shape[0]
		b = appendArray(b, shape[1:], from+i*each, each, element)
	}
	return append(b, ']')
}

// appendNumber writes an element exactly: the shortest text that reads back to its bits.
func appendNumber(b []byte, t *flowrun.Tensor, i int) []byte {
	switch d := t.Type.DType; {
	case d == flowrun.Bool:
		return strconv.AppendBool(b, t.Int(i) != 0)
	case !d.IsFloat():
		return strconv.AppendInt(b, t.Int(i), 10)
	}
	return appendFloat(b, t.Float(i), t.Type.DType)
}

// appendFloat writes a float of a dtype. JSON has no NaN and no infinity: they are strings,
// which Python's float and JavaScript's Number read.
func appendFloat(b []byte, x float64, d flowrun.DType) []byte {
	switch {
	case math.IsNaN(x):
		return append(b, `"NaN"`...)
	case math.IsInf(x, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(x, -1):
		return append(b, `"-Infinity"`...)
	}
	if x == 0 && math.Signbit(x) {
		return append(b, "-0.0"...) // many read -0 as an integer, which has no sign
	}
	bits := 32
	if d == flowrun.F64 {
		bits = 64
	}
	return strconv.AppendFloat(b, x, 'g', -1, bits)
}
