package report

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// Divergence says why a run has diverged: at which step, which node made it of what, and
// what there is to go back to. It is one line.
func Divergence(d *engine.Divergence) string {
	var b strings.Builder
	at := "at step " + Count(d.Step)
	if !d.Exact && len(d.States) > 0 {
		at = "by step " + Count(d.Step)
	}
	fmt.Fprintf(&b, "%s %s", unsound(d), at)
	switch {
	case d.Cause != nil:
		fmt.Fprintf(&b, ": %s", Cause(d.Cause))
	case d.Why != "":
		fmt.Fprintf(&b, "; which node made it isn't known: %s", d.Why)
	}
	if d.Scale > 0 && d.Scale <= ir.SmallestLossScale {
		fmt.Fprintf(&b, ". Steps were left out until the loss scale was %v, and gradients still weren't finite", d.Scale)
	}
	switch {
	case d.Checkpoint != "":
		fmt.Fprintf(&b, ". The last good checkpoint is %s", diag.Printable(d.Checkpoint))
	case d.Sound == 0:
		b.WriteString(". Nothing had been learned before")
	case d.Sound > 0:
		b.WriteString(noCheckpoints)
	case d.Sound < 0:
		b.WriteString(noCheckpoints + ", and the states are no longer finite")
	}
	return b.String()
}

const noCheckpoints = ". There are no checkpoints (train.checkpoint and --out write them)"

// ofLoss reports whether it is the loss that isn't finite. Where the step wasn't found, the
// loss of NaN beside states that aren't finite is one of which nothing is known.
func ofLoss(d *engine.Divergence) bool {
	return len(d.States) == 0 || math.IsInf(d.Loss, 0) || d.Exact && math.IsNaN(d.Loss)
}

// unsound says what isn't finite.
func unsound(d *engine.Divergence) string {
	switch {
	case !ofLoss(d):
	case math.IsNaN(d.Loss):
		return "the loss is NaN"
	case math.IsInf(d.Loss, 0):
		return "the loss is infinite"
	default:
		return "the loss is infinite or NaN"
	}
	which, are := diag.Cut(d.States[0]), "is"
	if n := int64(len(d.States) - 1); n > 0 {
		which, are = which+" and "+Counted(n, "other state"), "are"
	}
	if math.IsNaN(d.Loss) { // of which nothing is known
		return which + " " + are + " infinite or NaN"
	}
	return "the loss is finite, but not " + which
}

// DivergenceHelp is what people do about it. A lower learning rate helps a run that takes
// its steps with it: the last sound states may be far off already.
func DivergenceHelp(d *engine.Divergence) string {
	help, slower := divergenceHelp(d)
	if slower && d.Sound > 0 {
		help += "; a lower rate is for a run from the start, or from an earlier checkpoint (train.checkpoint's keep): what was learned up to here may be spoiled already"
	}
	return help
}

// divergenceHelp is that, and whether it advises a lower learning rate.
func divergenceHelp(d *engine.Divergence) (help string, slower bool) {
	c := d.Cause
	switch {
	case c != nil && c.OutOfRange != nil:
		return "correct the data, or the number of classes or embeddings", false
	case c != nil && c.Node.Op == ir.SourceOp:
		return "correct the data, or leave such batches out with train.on_nonfinite: skip", false
	case c != nil && c.Constant:
		return "a constant of the spec is infinite; a mask may be large instead, as -1e9", false
	case c != nil && len(c.Node.Inputs) > 0 && c.Node.Type.DType == ir.F16 && d.Scale > 0:
		return "f16 ends at 65,504, which no loss scale changes in the forward pass: use precision: bf16, or precision: f32 for the module whose values are large", false
	case c != nil && len(c.Node.Inputs) > 0 && c.Node.Type.DType == ir.F16:
		return "f16 ends at 65,504: use bf16 or f32, scale the loss, or leave such steps out with train.on_nonfinite: skip", false
	case c != nil && c.Phase == "loss" && c.Node.Op.Name == "log" && c.Value.Negative > 0:
		if instead := insteadOfLog(c.Node); instead != "" {
			return instead, true
		}
	case c != nil && c.Phase == "update" && d.Scale > 0:
		return "lower the learning rate, add train.clip_grad_norm; train.on_nonfinite: skip looks at loss and gradients alone, not at what the optimizer makes of them", true
	case c != nil && c.Phase == "update":
		return "lower the learning rate, scale the loss, add train.clip_grad_norm; train.on_nonfinite: skip looks at loss and gradients alone, not at what the optimizer makes of them", true
	}
	return "lower the learning rate, add train.clip_grad_norm, keep arguments of log, sqrt and / away from 0; --check-numerics looks at every node, train.on_nonfinite: skip leaves such steps out", true
}

// Cause says which node made what isn't finite, and of what: "log(p) at spec.yaml:31:12
// (node h3.out) gave -inf in 2 of 64 values; its input p is 0 to 0.97".
func Cause(c *engine.Cause) string {
	n := c.Node
	var b strings.Builder
	switch {
	case n.Op == ir.SourceOp:
		return fmt.Sprintf("the data has %s (%s)", amount(c.Value), diag.Printable(cmp.Or(c.Data, "the field "+diag.Cut(n.Str("field"))+" of the data source "+diag.Cut(n.Str("source")))))
	case c.Phase == "gradient":
		b.WriteString("in the gradient, ")
	case c.Phase == "update":
		b.WriteString("in the optimizer's update, ")
	}
	call := call(n)
	if n.Op == ir.ScanResultOp {
		call = "a scan"
	}
	b.WriteString(call)
	if n.Origin.Known() {
		fmt.Fprintf(&b, " at %s", diag.Printable(n.Origin.String()))
	}
	if where := nodeName(n); where != "" {
		fmt.Fprintf(&b, " (node %s)", diag.Cut(where))
	}
	if n.Position != "" {
		fmt.Fprintf(&b, ", in position %s of a scan,", n.Position)
	}
	fmt.Fprintf(&b, " gave %s", amount(c.Value))
	if c.OutOfRange != nil {
		fmt.Fprintf(&b, ": %s", c.OutOfRange)
		return b.String()
	}
	if n.Op == ir.ScanResultOp {
		b.WriteString(", which has too many positions to look at each")
		return b.String()
	}
	sep := "; "
	for i, in := range c.Inputs {
		if i == 3 {
			break
		}
		if isNumber(n.Inputs[i]) && len(c.Inputs) > 1 && call != n.Op.Name { // the call shows it
			continue
		}
		fmt.Fprintf(&b, "%s%s is %s", sep, operandName(n, i), spread(in))
		sep = ", "
	}
	return b.String()
}

// nodeName is the name of a node, or of the node of the spec that it is a part of.
func nodeName(n *ir.Node) string {
	if n.Name != "" {
		return n.Name
	}
	return n.Path
}

// call writes an op with the names of its operands, as far as they have some.
func call(n *ir.Node) string {
	var names []string
	for _, in := range n.Inputs {
		name := valueName(in)
		if name == "" || len(n.Inputs) > 3 {
			return n.Op.Name
		}
		names = append(names, diag.Cut(name))
	}
	if len(names) == 0 {
		return n.Op.Name
	}
	return n.Op.Name + "(" + strings.Join(names, ", ") + ")"
}

// valueName is what a value is called in the spec; "" if it isn't.
func valueName(n *ir.Node) string {
	for n.Op == ir.CopyOp {
		n = n.Inputs[0]
	}
	switch {
	case n.State != nil:
		return n.State.Name
	case n.Op == ir.SourceOp:
		return n.Str("field")
	case isNumber(n):
		return number(n.Attr("value").(*ir.Tensor).Float(0))
	}
	return n.Name
}

// isNumber reports whether a value is a number that the spec, or a rule, has written.
func isNumber(n *ir.Node) bool { return n.Op == ir.ConstOp && n.Type.Shape.Numel() == 1 }

// operandName is what an operand is called in a sentence.
func operandName(n *ir.Node, i int) string {
	if name := valueName(n.Inputs[i]); name != "" && n.Inputs[i].Op != ir.ConstOp {
		return "its input " + diag.Cut(name)
	}
	if len(n.Inputs) == 1 {
		return "its input"
	}
	if from, to := n.Operand(n.OperandName(i)); to == from+1 {
		return "its input " + n.OperandName(i)
	}
	return fmt.Sprintf("its input %d", i+1)
}

// amount says how much of a value isn't finite: "-inf in 2 of 64 values".
func amount(s engine.Spread) string {
	var kinds []string
	for _, k := range []struct {
		n    int
		name string
	}{{s.NaN, "NaN"}, {s.Positive, "inf"}, {s.Negative, "-inf"}} {
		switch {
		case k.n == 0:
		case s.Size == 1:
			kinds = append(kinds, k.name)
		case k.n == s.Size:
			kinds = append(kinds, fmt.Sprintf("%s in all of its %s values", k.name, Count(int64(s.Size))))
		default:
			kinds = append(kinds, fmt.Sprintf("%s in %s of %s values", k.name, Count(int64(k.n)), Count(int64(s.Size))))
		}
	}
	if len(kinds) == 0 {
		return "finite values"
	}
	return strings.Join(kinds, ", ")
}

// spread says which values a tensor has: "0 to 0.97, and -inf in 2 of 64 values".
func spread(s engine.Spread) string {
	if s.Size == 0 {
		return "empty"
	}
	var text string
	switch {
	case math.IsNaN(s.Min):
		return amount(s)
	case s.Min == s.Max:
		text = number(s.Min)
	default:
		text = number(s.Min) + " to " + number(s.Max)
	}
	if !s.Finite() {
		text += ", and " + amount(s)
	}
	return text
}

// number writes a number with three digits.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

// divergenceJSON is a divergence for programs.
type divergenceJSON struct {
	Step       int64       `json:"step"`
	Exact      bool        `json:"exact"` // whether it is the first such step, or the one at which it was noticed
	What       string      `json:"what"`  // "loss", or the first state that isn't finite
	States     []string    `json:"states,omitempty"`
	Phase      string      `json:"phase,omitempty"` // "loss", "gradient" or "update"
	Node       string      `json:"node,omitempty"`
	Op         string      `json:"op,omitempty"`
	Position   string      `json:"position,omitempty"`
	Value      *spreadJSON `json:"value,omitempty"`
	Inputs     []inputJSON `json:"inputs,omitempty"`
	OutOfRange string      `json:"out_of_range,omitempty"`
	Data       string      `json:"data,omitempty"`
	Why        string      `json:"unknown_because,omitempty"`
	Sound      *int64      `json:"sound_step"` // that of the states at the end; null: none were kept
	Checkpoint string      `json:"checkpoint,omitempty"`
}

// spreadJSON counts a value's elements. min and max are null if none is finite.
type spreadJSON struct {
	Size     int      `json:"size"`
	NaN      int      `json:"nan"`
	Positive int      `json:"inf"`
	Negative int      `json:"minus_inf"`
	Min      *float64 `json:"min"`
	Max      *float64 `json:"max"`
}

type inputJSON struct {
	Name string `json:"name,omitempty"`
	spreadJSON
}

func spreadOf(s engine.Spread) spreadJSON {
	j := spreadJSON{Size: s.Size, NaN: s.NaN, Positive: s.Positive, Negative: s.Negative}
	if !math.IsNaN(s.Min) {
		j.Min, j.Max = &s.Min, &s.Max
	}
	return j
}

// divergenceOf gives a divergence as --json writes it; nil for nil.
func divergenceOf(d *engine.Divergence) any {
	if d == nil {
		return nil
	}
	j := &divergenceJSON{Step: d.Step, Exact: d.Exact, What: "loss", States: d.States, Why: d.Why, Checkpoint: d.Checkpoint}
	if !ofLoss(d) {
		j.What = d.States[0]
	}
	if d.Sound >= 0 {
		j.Sound = &d.Sound
	}
	c := d.Cause
	if c == nil {
		return j
	}
	value := spreadOf(c.Value)
	j.Phase, j.Node, j.Op, j.Value, j.Data = c.Phase, nodeName(c.Node), c.Node.Op.Name, &value, c.Data
	if c.Node.Origin.Known() {
		j.Position = c.Node.Origin.String()
	}
	if c.OutOfRange != nil {
		j.OutOfRange = c.OutOfRange.String()
	}
	for i, in := range c.Inputs {
		j.Inputs = append(j.Inputs, inputJSON{valueName(c.Node.Inputs[i]), spreadOf(in)})
	}
	return j
}
