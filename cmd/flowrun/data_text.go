package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
)

const (
	shownExamples = 5  // examples in the table
	shownElements = 16 // up to how many elements of a field have statistics of their own
	shownClasses  = 12 // classes with their counts
)

// writeData shows a data source to people.
func writeData(ctx context.Context, d *flowrun.DataSource, notes []string, s streams) error {
	decl := d.Decl()
	head := fmt.Sprintf("%s: %s, %s", d.Name(), decl.Kind, diag.Count(int(d.Examples()), "example"))
	if _, err := fmt.Fprintln(s.out, cutLine(diag.Printable(head), screenWidth(s))); err != nil {
		return err
	}
	for _, write := range []func() error{
		func() error { return writeFacts(d, &decl, notes, s) },
		func() error { return writeFields(d, s) },
		func() error { return writeLearned(d, s) },
		func() error { return writeStatistics(ctx, d, s) },
		func() error { return writeExamples(d, s) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// section begins a part of the output.
func section(s streams, title string) {
	fmt.Fprintf(s.out, "\n%s\n", cutLine(diag.Printable(title), screenWidth(s)))
}

func writeFacts(d *flowrun.DataSource, decl *flowrun.DataDecl, notes []string, s streams) error {
	t := newGrid(s)
	t.indent, t.width = "  ", 0 // names and notes are needed whole
	if files := append(slices.Clone(decl.Files), decl.Zip...); len(files) > 0 {
		t.row("files", strings.Join(files, ", "))
	}
	for _, c := range d.Components() {
		t.row("draws", fmt.Sprintf("%d of %s, which has %s", c.Weight, c.Name, diag.Count(int(c.Examples), "example")))
	}
	if d.HasBatches() {
		text := fmt.Sprintf("%d per epoch", d.EpochSteps())
		if decl.Batch > 0 {
			text += ", of " + diag.Count(int(decl.Batch), "example")
		}
		if last := d.Remainder(); last > 0 {
			text += fmt.Sprintf("; the last has %d", last)
		}
		t.row("batches", text)
		order := "shuffled, differently in each epoch"
		switch {
		case d.InOrder():
			order = "as in the files"
		case decl.Kind == "mix":
			order = "drawn by weight, differently in each epoch"
		}
		t.row("order", order)
	}
	for _, p := range d.Prepared() {
		state := "found"
		if p.Made {
			state = "made now"
		}
		where := p.Path
		if where == "" {
			where = "in memory"
		}
		t.row("prepared", fmt.Sprintf("%s, %s, %s", state, diag.Bytes(p.Bytes), where))
	}
	for _, note := range unique(notes) {
		t.row("note", note)
	}
	return t.write()
}

func writeFields(d *flowrun.DataSource, s streams) error {
	section(s, "FIELDS")
	batch, err := d.BatchFields()
	if err != nil {
		return err
	}
	t := newGrid(s, "field", "in the files", "in a batch", "what it is")
	t.indent = "  "
	fields := d.Fields()
	for _, b := range batch {
		inBatch := b.Type.String()
		if !d.HasBatches() {
			inBatch = "-"
		}
		i := slices.IndexFunc(fields, func(f flowrun.DataField) bool { return f.Name == b.Name })
		if i < 0 {
			t.row(b.Name, "-", inBatch, "computed by transform")
			continue
		}
		stored := fields[i].Stored.String()
		if word := storedWord(&fields[i]); word != "" {
			stored = strings.TrimSuffix(word+strings.TrimPrefix(stored, fields[i].Stored.DType.String()), "[]")
		}
		t.row(b.Name, stored, inBatch, describeField(&fields[i]))
	}
	return t.write()
}

// storedWord says what files have instead of numbers, or "".
func storedWord(f *flowrun.DataField) string {
	switch {
	case f.StoredIDs:
		return "id"
	case f.Vocabulary:
		return "character"
	case f.Texts != nil:
		return "text"
	}
	return ""
}

// describeField says what becomes of a field's values.
func describeField(f *flowrun.DataField) string {
	var parts []string
	switch {
	case f.Vocabulary:
		parts = append(parts, fmt.Sprintf("a vocabulary of %d", len(f.Classes)))
	case f.Classes != nil:
		parts = append(parts, fmt.Sprintf("one of %d classes", len(f.Classes)))
	}
	if f.Unknown != nil {
		parts = append(parts, fmt.Sprintf("%d stands for others", *f.Unknown))
	}
	switch f.Fill {
	case "":
	case "drop":
		parts = append(parts, "rows without it are left out")
	case "value":
		parts = append(parts, fmt.Sprintf("%v if missing", f.FillValue))
	case "text":
		parts = append(parts, diag.Quote(f.FillText)+" if missing")
	default:
		parts = append(parts, "the "+f.Fill+" if missing")
	}
	if f.Normalize != "" {
		parts = append(parts, "normalized by "+f.Normalize)
	}
	return strings.Join(parts, "; ")
}

func writeLearned(d *flowrun.DataSource, s streams) error {
	t := newGrid(s)
	t.indent = "  "
	for _, f := range d.Fields() {
		if len(f.Classes) > 0 {
			var names []string
			for _, c := range f.Classes[:min(len(f.Classes), 200)] {
				names = append(names, fmt.Sprintf("%d %s", c.ID, className(c.Name, f.Vocabulary)))
			}
			t.row(f.Name, "classes", strings.Join(names, ", "))
		}
		for _, v := range []struct {
			what   string
			values []float64
		}{{"mean", f.Mean}, {"std", f.Std}, {"fill", f.Fills}} {
			if len(v.values) > 0 {
				t.row(f.Name, v.what, shownNumbers(v.values))
			}
		}
	}
	if len(t.rows) == 0 {
		return nil
	}
	section(s, "LEARNED from "+d.LearnedFrom())
	return t.write()
}

// className shows the name of a class: in quotes where it could be taken for several or for
// none, as all of a vocabulary are, as blanks are among them.
func className(name string, ofVocabulary bool) string {
	if ofVocabulary || name == "" || strings.ContainsAny(name, " ,\"") {
		return diag.Quote(name)
	}
	return diag.Cut(name)
}

func shownNumbers(v []float64) string {
	var texts []string
	for _, x := range v[:min(len(v), 40)] {
		texts = append(texts, shortNumber(x))
	}
	return strings.Join(texts, " ")
}

func shortNumber(x float64) string { return strconv.FormatFloat(x, 'g', 5, 64) }

// shortInt shows an integer whole, unless it is very long.
func shortInt(v int64) string {
	if text := strconv.FormatInt(v, 10); len(text) <= 12 {
		return text
	}
	return shortNumber(float64(v))
}

func writeStatistics(ctx context.Context, d *flowrun.DataSource, s streams) error {
	if d.Components() != nil {
		return nil
	}
	t := newGrid(s, "field", "", "min", "max", "mean", "std", "missing")
	t.indent = "  "
	t.right(2, 3, 4, 5, 6)
	classes := newGrid(s)
	classes.indent = "  "
	for _, f := range d.Fields() {
		if f.Classes != nil {
			text, err := classCounts(ctx, d, &f)
			if err != nil {
				return err
			}
			classes.row(f.Name, text)
			continue
		}
		each := eachElement(&f)
		all, err := d.Statistics(ctx, f.Name, each)
		if err != nil {
			return err
		}
		for i, v := range all {
			name := ""
			if each && f.Elements != nil {
				name = f.Elements[i]
			} else if each {
				name = strconv.Itoa(i + 1)
			}
			low, high := shortNumber(v.Min), shortNumber(v.Max)
			if !f.Stored.DType.IsFloat() {
				low, high = shortInt(v.MinInt), shortInt(v.MaxInt)
			}
			if v.Count == v.NonFinite {
				low, high = "-", "-"
			}
			t.row(f.Name, name, low, high, shortNumber(v.Mean), shortNumber(v.Std), strconv.FormatInt(v.Missing, 10))
		}
	}
	title := "VALUES as read"
	if slices.ContainsFunc(d.Fields(), func(f flowrun.DataField) bool { return f.Overlap > 0 }) {
		title += ", of examples that don't overlap"
	}
	section(s, title)
	if len(t.rows) > 1 {
		if err := t.write(); err != nil {
			return err
		}
	}
	return classes.write()
}

// eachElement reports whether each element of a field has statistics of its own.
func eachElement(f *flowrun.DataField) bool {
	n := f.Stored.Shape.Numel()
	return n > 1 && n <= shownElements
}

// classCounts lists the classes with how often each occurs, those that occur most first.
func classCounts(ctx context.Context, d *flowrun.DataSource, f *flowrun.DataField) (string, error) {
	counts, err := d.Counts(ctx, f.Name)
	if err != nil {
		return "", err
	}
	var ids []int64
	for id := range counts {
		ids = append(ids, id)
	}
	for _, c := range f.Classes {
		if counts[c.ID] == 0 && !f.Vocabulary {
			ids = append(ids, c.ID)
		}
	}
	slices.SortFunc(ids, func(a, b int64) int {
		if counts[a] != counts[b] {
			return int(max(-1, min(1, counts[b]-counts[a])))
		}
		return int(max(-1, min(1, a-b)))
	})
	var texts []string
	for _, id := range ids[:min(len(ids), shownClasses)] {
		texts = append(texts, fmt.Sprintf("%s %d", idName(f, id), counts[id]))
	}
	text := strings.Join(texts, ", ")
	if more := len(ids) - shownClasses; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text, nil
}

// idName shows an id by its class.
func idName(f *flowrun.DataField, id int64) string {
	if name, ok := f.ClassName(id); ok {
		return className(name, f.Vocabulary)
	}
	if f.Unknown != nil && id == *f.Unknown {
		return "(unknown)"
	}
	return strconv.FormatInt(id, 10)
}

func writeExamples(d *flowrun.DataSource, s streams) error {
	if d.Components() != nil {
		return nil
	}
	section(s, "FIRST EXAMPLES as read")
	fields := d.Fields()
	titles := []string{"#", "at"}
	for _, f := range fields {
		titles = append(titles, f.Name)
	}
	t := newGrid(s, titles...)
	t.indent = "  "
	t.right(0)
	n := min(d.Examples(), shownExamples)
	rows := make([][]string, n)
	longest := 0
	for i := range rows {
		place, err := d.Place(int64(i))
		if err != nil {
			return err
		}
		at := placeName(place)
		longest = max(longest, utf8.RuneCountInString(at))
		rows[i] = []string{strconv.Itoa(i + 1), at}
	}
	room := max(12, (screenWidth(s)-9-longest)/len(fields)-2)
	for _, f := range fields {
		for i := range rows {
			v, err := d.StoredValues(f.Name, int64(i), 1)
			if err != nil {
				return err
			}
			rows[i] = append(rows[i], cutLine(printable(shownValue(&f, v)), room))
		}
	}
	for _, row := range rows {
		t.row(row...)
	}
	return t.write()
}

// placeName is the end of a file's path, and the row.
func placeName(p flowrun.DataPlace) string {
	folder := strings.LastIndexAny(p.File, "/\\")
	if p.Row == 0 { // a file for each example: their folders tell them apart
		folder = strings.LastIndexAny(p.File[:max(folder, 0)], "/\\")
	}
	name := []rune(diag.Cut(p.File[folder+1:]))
	if len(name) > 20 {
		name = append([]rune("…"), name[len(name)-19:]...)
	}
	if p.Row == 0 {
		return string(name)
	}
	return fmt.Sprintf("%s:%d", string(name), p.Row)
}

// shownValue is one example's value as people read it.
func shownValue(f *flowrun.DataField, v *flowrun.Tensor) string {
	n := f.Stored.Shape.Numel()
	if f.Classes != nil {
		var text strings.Builder
		for i := range min(n, 200) {
			name := storedName(f, v.Int(i))
			if n > 1 && !f.Vocabulary && i > 0 {
				text.WriteByte(' ')
			}
			text.WriteString(name)
		}
		if f.Vocabulary {
			return diag.Quote(text.String())
		}
		return text.String()
	}
	if len(f.Stored.Shape) > 1 && n > shownElements {
		return shownArray(f, v)
	}
	var texts []string
	for i := range min(n, 100) {
		texts = append(texts, shownNumber(f, v, i))
	}
	return strings.Join(texts, " ")
}

// storedName is the class of a stored value.
func storedName(f *flowrun.DataField, v int64) string {
	if f.Texts == nil {
		if f.Vocabulary {
			name, _ := f.ClassName(v)
			return name
		}
		return idName(f, v)
	}
	if v < 0 || v >= int64(len(f.Texts)) {
		return "?"
	}
	return f.Texts[v]
}

func shownNumber(f *flowrun.DataField, v *flowrun.Tensor, i int) string {
	switch d := f.Stored.DType; {
	case d == flowrun.Bool:
		return strconv.FormatBool(v.Int(i) != 0)
	case !d.IsFloat():
		return strconv.FormatInt(v.Int(i), 10)
	case v.Float(i) != v.Float(i) && f.Fills != nil:
		return "(missing)"
	case d == flowrun.F64:
		return strconv.FormatFloat(v.Float(i), 'g', -1, 64)
	}
	return strconv.FormatFloat(v.Float(i), 'g', -1, 32)
}

// shownArray is an image, or another array that is too large to be read.
func shownArray(f *flowrun.DataField, v *flowrun.Tensor) string {
	low, high := 0, 0
	for i := range f.Stored.Shape.Numel() {
		if v.Float(i) < v.Float(low) {
			low = i
		}
		if v.Float(i) > v.Float(high) {
			high = i
		}
	}
	return fmt.Sprintf("%s, %s to %s", f.Stored, shownNumber(f, v, low), shownNumber(f, v, high))
}
