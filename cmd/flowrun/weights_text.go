package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/report"
	"github.com/flowrun/flowrun/weights"
)

// write shows a file of weights to people.
func (all *inspected) write(s streams) error {
	if _, err := fmt.Fprintln(s.out, diag.Printable(diag.CutPath(all.file.Path())+": "+all.kind())); err != nil {
		return err
	}
	facts := newGrid(s)
	facts.indent, facts.width = "  ", 0 // names and notes are needed whole
	all.facts(facts)
	if err := facts.write(); err != nil {
		return err
	}
	if err := all.table("tensor", false, s); err != nil {
		return err
	}
	if all.about.Checkpoint == nil {
		return nil
	}
	return all.table("other state", true, s)
}

// kind says what a file is.
func (all *inspected) kind() string {
	switch c := all.about.Checkpoint; {
	case c != nil && c.Run != "":
		return fmt.Sprintf("a checkpoint at step %d, of the run %s", c.Step, diag.Cut(c.Run))
	case c != nil:
		return fmt.Sprintf("a checkpoint at step %d", c.Step)
	case len(all.file.Shards()) > 0:
		return "weights in " + diag.Count(len(all.file.Shards()), "shard")
	case all.about.Flowrun:
		return "weights that flowrun has written"
	}
	return "weights"
}

func (all *inspected) facts(t *grid) {
	text := all.totals(false).text("parameter")
	if other := all.totals(true); other.Tensors > 0 {
		text += "; and " + other.text("element") + ", of the optimizer, metrics and counters"
	}
	t.row("tensors", text)
	if note := all.file.Note(); note != "" {
		t.row("note", note)
	}
	in := map[string]int{} // shards
	for _, tensor := range all.tensors {
		in[all.file.Shard(tensor.Name)]++
	}
	for _, shard := range all.file.Shards() {
		t.row("shard", shard+": "+diag.Count(in[shard], "tensor"))
	}
	if c := all.about.Checkpoint; c != nil {
		all.origin(t, c)
	}
	for _, l := range all.about.Learned {
		t.row("learned", learnedText(&l))
	}
	if all.about.Rendered != "" {
		t.row("spec", "it is in the file, rendered; --spec prints it")
	}
	for _, key := range slices.SortedFunc(maps.Keys(all.about.Other), weights.Natural) {
		t.row("metadata", diag.Cut(key)+": "+diag.Cut(all.about.Other[key]))
	}
	for _, tensor := range all.tensors {
		if s := tensor.Statistics; s != nil && s.Finite() < s.Count && !weights.Remembered(tensor.Name) { // there NaN is none yet
			t.row("warning", fmt.Sprintf("%s isn't finite: %d NaN, %d infinite of %s", tensor.Name, s.NaN, s.Inf, diag.Count(int(s.Count), "element")))
		}
	}
}

func (all *inspected) origin(t *grid, c *weights.Origin) {
	if len(c.Parents) > 0 {
		t.row("went on", "from "+diag.Cut(strings.Join(c.Parents, ", then ")))
	}
	if by := strings.Fields(c.BestBy); len(by) == 2 {
		t.row("best", "the run keeps the one with the "+map[string]string{"min": "smallest ", "max": "largest "}[by[0]]+diag.Cut(by[1]))
	}
	if !c.Finite {
		t.row("warning", "the loss, a parameter or another state wasn't finite when it was written")
	}
}

func (t weightTotals) text(element string) string {
	return fmt.Sprintf("%s, %s, %s", diag.Count(t.Tensors, "tensor"), report.Counted(t.Elements, element), bytesText(t.Bytes))
}

// learnedText says what is known of a field.
func learnedText(l *weights.Learned) string {
	var parts []string
	if n := len(l.Classes); n > 0 {
		shown := make([]string, min(n, shownClasses))
		for i := range shown {
			shown[i] = className(l.Classes[i], len(l.Classes[i]) == 1)
		}
		text := plainCount(n, "class", "classes") + ": " + strings.Join(shown, " ")
		if n > len(shown) {
			text += fmt.Sprintf(" and %d more", n-len(shown))
		}
		parts = append(parts, text)
	}
	if l.Unknown != nil {
		parts = append(parts, fmt.Sprintf("others are %d", *l.Unknown))
	}
	for _, v := range []struct {
		name   string
		values []float64
	}{{"mean", l.Mean}, {"std", l.Std}, {"missing values are", l.Fill}} {
		if len(v.values) > 0 {
			parts = append(parts, v.name+" "+fewNumbers(v.values))
		}
	}
	return diag.Cut(l.Field) + ": " + strings.Join(parts, "; ")
}

func plainCount(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

func fewNumbers(v []float64) string {
	const most = 8
	text := shownNumbers(v[:min(len(v), most)])
	if len(v) > most {
		text += fmt.Sprintf(" and %d more", len(v)-most)
	}
	return text
}

// wide begins a table that is cut at the end of a terminal's lines, and nowhere else.
func wide(s streams, titles ...string) *grid {
	t := newGrid(s, titles...)
	if _, terminal := terminalWidth(s); !terminal {
		t.width = 0
	}
	return t
}

// table lists tensors with their statistics.
func (all *inspected) table(title string, beside bool, s streams) error {
	t := wide(s, title, "type", "min", "max", "mean", "std", "norm", "zeros")
	t.indent = "  "
	t.right(2, 3, 4, 5, 6, 7)
	for _, tensor := range all.tensors {
		if tensor.Beside == beside {
			t.row(append([]string{diag.Cut(tensor.Name), tensor.TypeText()}, tensor.cells()...)...)
		}
	}
	if len(t.rows) == 1 {
		return nil
	}
	if _, err := fmt.Fprintln(s.out); err != nil {
		return err
	}
	return t.write()
}

func (t *inspectedTensor) cells() []string {
	s := t.Statistics
	switch {
	case s == nil:
		return []string{"", "", "", "", "", "unsupported"}
	case s.Finite() == 0:
		return []string{"-", "-", "-", "-", "-", "-"}
	}
	low, high := shortNumber(s.Min), shortNumber(s.Max)
	if !t.Type.DType.IsFloat() {
		low, high = shortInt(s.MinInt), shortInt(s.MaxInt)
	}
	return []string{low, high, shortNumber(s.Mean), shortNumber(s.Std), shortNumber(s.Norm), report.Count(s.Zeros)}
}

// writeDifference shows how two files differ.
func writeDifference(d *weights.Difference, a, b *weights.File, s streams) error {
	list := newGrid(s)
	list.width = 0
	for _, only := range []struct {
		names []string
		file  *weights.File
	}{{d.OnlyA, a}, {d.OnlyB, b}} {
		for _, name := range only.names {
			list.row("only in "+diag.CutPath(only.file.Path()), diag.Cut(name))
		}
	}
	for _, t := range d.Types {
		text := t.A + " and " + t.B
		if t.Transposed {
			text += ", its transpose"
		}
		list.row("another type", diag.Cut(t.Name)+": "+text)
	}
	if err := list.write(); err != nil {
		return err
	}
	if err := differenceTable(d, len(list.rows) > 0, s); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out, diag.Printable(verdict(d, a, b)))
	return err
}

// differenceTable lists the tensors whose values or dtypes differ.
func differenceTable(d *weights.Difference, follows bool, s streams) error {
	t := wide(s, "tensor", "type", "differ", "largest", "at", "values", "relative", "at", "norm")
	t.right(2, 3, 6, 8)
	for _, v := range d.Values {
		if v.Same() {
			continue
		}
		typ := v.A.String() + v.Shape.String()
		if v.A != v.B {
			typ = v.A.String() + " and " + v.B.String() + v.Shape.String()
		}
		if v.Differ == 0 {
			t.row(diag.Cut(v.Name), diag.Cut(typ), "0")
			continue
		}
		t.row(diag.Cut(v.Name), diag.Cut(typ), report.Count(v.Differ), shortNumber(v.Absolute.Value), indexText(v.Absolute.Index), valuesText(v.Absolute),
			shortNumber(v.Relative.Value), indexText(v.Relative.Index), shortNumber(v.Norm))
	}
	if len(t.rows) == 1 {
		return nil
	}
	if follows {
		fmt.Fprintln(s.out)
	}
	if err := t.write(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out)
	return err
}

func indexText(index []int) string {
	if len(index) == 0 {
		return ""
	}
	return ir.Shape(index).String()
}

// valuesText shows two values with as many digits as tell them apart.
func valuesText(p weights.Place) string {
	for digits := 5; digits < 17; digits++ {
		a, b := strconv.FormatFloat(p.A, 'g', digits, 64), strconv.FormatFloat(p.B, 'g', digits, 64)
		if a != b {
			return a + ", " + b
		}
	}
	return shortest(p.A) + ", " + shortest(p.B)
}

func shortest(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// verdict sums it up in a line.
func verdict(d *weights.Difference, a, b *weights.File) string {
	equal := 0
	for _, v := range d.Values {
		if v.Same() {
			equal++
		}
	}
	all := len(d.OnlyA) + len(d.OnlyB) + len(d.Types) + len(d.Values)
	beside := ""
	if d.Beside > 0 {
		beside = fmt.Sprintf("; %s of the checkpoint, which aren't weights, are not compared", diag.Count(d.Beside, "state"))
	}
	if !d.Equal() {
		return fmt.Sprintf("%d of %s differ", all-equal, diag.Count(all, "tensor")) + beside
	}
	text := "equal: " + diag.Count(equal, "tensor") + " with the same values" + beside
	if keys := metadataThatDiffer(a.Metadata(), b.Metadata()); len(keys) > 0 {
		text += "; their metadata differ in " + diag.Names(keys)
	}
	return text
}

// metadataThatDiffer are the keys that say different things in two files, but for
// checksums.
func metadataThatDiffer(a, b map[string]string) (keys []string) {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	for _, key := range slices.SortedFunc(maps.Keys(all), weights.Natural) {
		x, inA := a[key]
		y, inB := b[key]
		if (inA != inB || x != y) && key != "flowrun.checksum" {
			keys = append(keys, key)
		}
	}
	return keys
}
