package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/report"
)

func newSummary(s streams) *cobra.Command {
	var o specFlags
	var device string
	var sizes []string
	var depth int64
	var asJSON bool
	c := &cobra.Command{
		Use:   "summary SPEC",
		Short: "Show the layers of the model: shapes, parameters, flops, memory",
		Long: `summary shows the model layer by layer: what each puts out, its parameters and their
bytes, and the floating-point operations of a forward pass; then the totals, with the
optimizer's states and the memory that a step needs. Nothing is run, and no data is
opened.

The forward pass is that of inference: a Dropout does nothing, and isn't listed inside
of modules. Flops are two per multiplication and addition of a matmul, and one per
element that is computed or reduced; 5 for a softmax, 7 for a layer_norm. A parameter
that several layers use counts once, where it is declared. The numbers of a layer include
all that is inside of it.`,
		Example: `  flowrun summary graphs/tiny_gpt.yaml
  flowrun summary graphs/tiny_gpt.yaml --depth 1 --size time=8`,
		Args: oneSpec,
		RunE: func(c *cobra.Command, args []string) error {
			if depth < 0 {
				return usageError{fmt.Errorf("--depth is a number of levels, or 0 for all, got %d", depth)}
			}
			given, err := parseSizes(sizes)
			if err != nil {
				return err
			}
			program, err := o.load(c, args[0], s)
			if err != nil {
				return err
			}
			m, err := program.Summarize(flowrun.SummaryOptions{Device: device, Sizes: given})
			if errors.As(err, new(*flowrun.SizeError)) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			if asJSON {
				if c.Flags().Changed("depth") {
					m.Layers = upTo(m.Layers, depth)
				}
				return writeJSON(s.out, m)
			}
			return writeModel(m, depth, s)
		},
	}
	o.add(c)
	deviceFlag(c, &device)
	f := c.Flags()
	depth = 3
	intFlag(c, &depth, "depth", "show `N` levels of nested layers; 0 shows all (by default 3, and all with --json)")
	f.StringArrayVar(&sizes, "size", nil, "give a named dimension of the inputs another size: `NAME=N`, as in batch=1 (repeatable)")
	f.BoolVar(&asJSON, "json", false, "write one JSON object")
	return c
}

// parseSizes reads --size.
func parseSizes(list []string) (map[string]int, error) {
	sizes := map[string]int{}
	for _, text := range list {
		name, value, ok := strings.Cut(text, "=")
		n, err := strconv.ParseInt(value, 10, 32)
		if !ok || name == "" || err != nil || n < 0 {
			return nil, usageError{fmt.Errorf("--size takes NAME=N with a size of at least 0, got %q", text)}
		}
		sizes[name] = int(n)
	}
	return sizes, nil
}

// upTo drops the layers below some levels; 0 keeps all. Repetitions of a layer are on its
// own level.
func upTo(layers []*flowrun.ModelLayer, depth int64) []*flowrun.ModelLayer {
	if depth == 0 {
		return layers
	}
	for _, l := range layers {
		switch {
		case l.Repeated:
			upTo(l.Layers, depth)
		case depth == 1:
			l.Layers = nil
		default:
			upTo(l.Layers, depth-1)
		}
	}
	return layers
}

// modelTable is the table of a model's layers.
type modelTable struct {
	rows      [][]string // by column
	trainable bool       // whether the table has that column: something is frozen
	notes     []string
	noted     string // how paths inside of the last layer begin that shares all its parameters
}

// The columns of the table, and which of them are numbers.
const (
	layerColumn = iota
	moduleColumn
	outputColumn
	parametersColumn
	trainableColumn
	bytesColumn
	flopsColumn
)

// leftOut are the columns that a narrow screen does without, the first one first.
var leftOut = []int{bytesColumn, moduleColumn, outputColumn, flopsColumn}

func writeModel(m *flowrun.ModelSummary, depth int64, s streams) error {
	t := &modelTable{rows: [][]string{{"layer", "module", "output", "parameters", "trainable", "bytes", "flops"}}, trainable: m.Totals.Frozen > 0}
	for _, in := range m.Inputs {
		t.rows = append(t.rows, []string{in.Name, "input", shapeText(in), "", "", "", ""})
	}
	if depth == 0 {
		depth = -1
	}
	t.layers(m.Layers, "", "", depth)
	width, _ := terminalWidth(s)
	head := m.Spec
	if m.Name != "" {
		head += ": " + m.Name
	}
	for i, size := range m.Sizes {
		head += []string{", with ", ", "}[min(i, 1)] + fmt.Sprintf("%s %d", size.Name, size.Size)
	}
	if _, err := fmt.Fprintf(s.out, "%s\n\n", diag.Printable(head)); err != nil {
		return err
	}
	if err := t.write(s, width); err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	for _, note := range t.notes {
		fmt.Fprintln(s.out, diag.Printable(note))
	}
	g := newGrid(s)
	g.width = 0
	for _, row := range totals(m) {
		g.row(row[0], row[1])
	}
	return g.write()
}

// layers adds the rows of layers inside of a path.
func (t *modelTable) layers(layers []*flowrun.ModelLayer, outer, indent string, depth int64) {
	for i := 0; i < len(layers); i++ {
		l := layers[i]
		name, module := strings.TrimPrefix(strings.TrimPrefix(l.Path, outer), "."), l.Module
		switch {
		case l.Repeated && len(l.Layers) > 0:
			module = fmt.Sprintf("%d × %s", len(l.Layers), l.Layers[0].Module)
		case l.TrainingOnly:
			module = "in training only"
		case module == "":
			module = opsText(l.Ops)
		}
		t.row(indent+name, module, l)
		if l.Repeated && depth != 1 {
			t.repetitions(l, indent, depth)
		} else if !l.Repeated && depth != 1 {
			t.layers(l.Layers, l.Path, indent+"  ", depth-1)
		}
	}
}

// repetitions adds the rows of a repeated layer: of equal neighbours once.
func (t *modelTable) repetitions(l *flowrun.ModelLayer, indent string, depth int64) {
	for i := 0; i < len(l.Layers); {
		last := i
		for last+1 < len(l.Layers) && alike(l.Layers[i], l.Layers[last+1]) {
			last++
		}
		first := l.Layers[i]
		name, module := strings.TrimPrefix(first.Path, l.Path), first.Module
		if last > i {
			name, module = fmt.Sprintf("[%d … %d]", i, last), "each "+module
		}
		t.row(indent+"  "+name, module, first)
		t.layers(first.Layers, first.Path, indent+"    ", depth-1)
		i = last + 1
	}
}

// alike reports whether two repetitions have the same rows.
func alike(a, b *flowrun.ModelLayer) bool {
	if a.Module != b.Module || a.Counts != b.Counts || len(a.Layers) != len(b.Layers) || !slices.Equal(a.Shares, b.Shares) ||
		shapesText(a) != shapesText(b) {
		return false
	}
	for i := range a.Layers {
		if !alike(a.Layers[i], b.Layers[i]) {
			return false
		}
	}
	return true
}

func (t *modelTable) row(name, module string, l *flowrun.ModelLayer) {
	flops := report.Count(l.Flops)
	if l.TrainingOnly {
		flops = ""
	}
	t.rows = append(t.rows, []string{name, module, shapesText(l), report.Count(l.Parameters), report.Count(l.Trainable), bytesText(l.Bytes()), flops})
	t.shares(l)
}

// shares notes what a layer shares: with module and all, or single parameters.
func (t *modelTable) shares(l *flowrun.ModelLayer) {
	if t.noted != "" && strings.HasPrefix(l.Path, t.noted) {
		return // it is inside of one that shares all
	}
	if l.Module != "" && l.Parameters == 0 {
		if owner := sharedWith(l); owner != "" {
			t.notes = append(t.notes, fmt.Sprintf("%s has the parameters of %s, which count there", l.Path, owner))
			t.noted = l.Path + "."
			return
		}
	}
	for _, shared := range l.Shares {
		t.notes = append(t.notes, fmt.Sprintf("%s uses %s too, which counts where it is declared", l.Path, shared))
	}
}

// sharedWith is the layer that has all parameters of one that has none of its own: each where
// the other one has it; "" if there is none.
func sharedWith(l *flowrun.ModelLayer) string {
	owner := ""
	agrees := func(other string) bool {
		if owner == "" {
			owner = other
		}
		return other != "" && other == owner
	}
	for _, shared := range l.Shares {
		if !agrees(shared[:max(strings.LastIndexByte(shared, '.'), 0)]) {
			return ""
		}
	}
	for _, inner := range l.Layers {
		other := sharedWith(inner)
		if other == "" {
			if usesOthers(inner) {
				return ""
			}
			continue
		}
		base, fits := strings.CutSuffix(other, ir.PlainPath(strings.TrimPrefix(inner.Path, l.Path)))
		if !fits || !agrees(base) {
			return ""
		}
	}
	return owner
}

// usesOthers reports whether a layer, or one inside of it, uses parameters of others.
func usesOthers(l *flowrun.ModelLayer) bool {
	return len(l.Shares) > 0 || slices.ContainsFunc(l.Layers, usesOthers)
}

// write writes the table, without columns for which the screen is too narrow; 0 is wide
// enough.
func (t *modelTable) write(s streams, width int) error {
	columns := []int{layerColumn, moduleColumn, outputColumn, parametersColumn, bytesColumn, flopsColumn}
	if t.trainable {
		columns = slices.Insert(columns, bytesColumn-1, trainableColumn)
	}
	for _, drop := range leftOut {
		if width == 0 || t.width(columns) <= width {
			break
		}
		columns = slices.DeleteFunc(columns, func(c int) bool { return c == drop })
	}
	g := newGrid(s)
	g.width = width
	for i, c := range columns {
		if c >= parametersColumn {
			g.right(i)
		}
	}
	for _, row := range t.rows {
		var cells []string
		for _, c := range columns {
			cells = append(cells, row[c])
		}
		g.row(cells...)
	}
	return g.write()
}

// width is how wide the table is with some columns.
func (t *modelTable) width(columns []int) int {
	total := 2 * (len(columns) - 1)
	for _, c := range columns {
		widest := 0
		for _, row := range t.rows {
			widest = max(widest, utf8.RuneCountInString(printable(row[c])))
		}
		total += widest
	}
	return total
}

// opsText names the ops of an expression.
func opsText(ops []string) string {
	const most = 3
	if len(ops) > most {
		return strings.Join(ops[:most], ", ") + ", …"
	}
	return strings.Join(ops, ", ")
}

func shapeText(v flowrun.ModelValue) string {
	return v.DType + ir.Shape(v.Shape).String()
}

func shapesText(l *flowrun.ModelLayer) string {
	var all []string
	for _, v := range l.Outputs {
		text := shapeText(v)
		if v.Name != "" {
			text = v.Name + ": " + text
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// bytesText writes a size in a table, where nothing is "0".
func bytesText(n int64) string {
	if n == 0 {
		return "0"
	}
	return diag.Bytes(n)
}

// flopsText writes a number of operations: "352 flop", "21.3 Mflop".
func flopsText(n int64) string {
	v, unit := float64(n), 0
	for v >= 999.5 && unit < 6 {
		v, unit = v/1000, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d flop", n)
	}
	digits := 2 // three in all
	for limit := 9.995; v >= limit && digits > 0; limit *= 10 {
		digits--
	}
	return fmt.Sprintf("%.*f %cflop", digits, v, "kMGTPE"[unit-1])
}

// totals are the lines below the table.
func totals(m *flowrun.ModelSummary) [][2]string {
	t := m.Totals
	parameters := fmt.Sprintf("%s, %s", report.Count(t.Parameters), diag.Bytes(t.ParameterBytes))
	trains := m.Trains
	switch {
	case trains && t.Frozen == 0:
		parameters += "; training changes all"
	case trains:
		parameters += fmt.Sprintf("; training changes %s, not %s", report.Count(t.Trainable), report.Count(t.Frozen))
	}
	rows := [][2]string{{"parameters", parameters}}
	if t.Buffers > 0 {
		rows = append(rows, [2]string{"buffers", fmt.Sprintf("%s, %s; saved, but not trained", report.Count(t.Buffers), diag.Bytes(t.BufferBytes))})
	}
	if trains && t.OptimizerStates == 0 {
		rows = append(rows, [2]string{"optimizer states", "none"})
	} else if trains {
		rows = append(rows, [2]string{"optimizer states", fmt.Sprintf("%s, %s", report.Count(t.OptimizerStates), diag.Bytes(t.OptimizerBytes))})
	}
	rows = append(rows, [2]string{"forward pass", flopsText(t.Flops)})
	what := "memory of an inference"
	if t.Step.Trains {
		rows = append(rows, [2]string{"training step", flopsText(t.Step.Flops)})
		what = "memory of a step"
	}
	for _, space := range t.Step.Memory {
		rows = append(rows, [2]string{what, fmt.Sprintf("%s on %s: %s kept, %s for values in between",
			diag.Bytes(space.Kept+space.Arena), space.Device, diag.Bytes(space.Kept), diag.Bytes(space.Arena))})
		what = ""
	}
	return rows
}
