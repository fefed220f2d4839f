package build

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// What expanding costs besides the nodes that are made.
const (
	expandCost = 120               // an expression, without inner ones
	callCost   = 4000              // a call of a module, which makes a frame
	nameCost   = 6 + diag.KeptByte // a byte of a path
)

// maxNesting bounds how deep modules may contain one another.
const maxNesting = 100

// graph is one graph of a program while it is being built.
type graph struct {
	*ir.Builder
	*shared
	training bool
	// generating says that text is generated step by step: states of generation exist.
	generating bool
	dataPath   string   // of the nodes that make data
	step       *ir.Node // the counter, or a constant 0
	states     map[string]*ir.State
	names      map[string]bool // of nodes
	frozen     map[*ir.State]bool
	given      bool // the types of inputs are a caller's, not those of the training data
	full       bool // modules are nested too deep; reported
	weights    map[*any]int
	outline    *outline          // nil unless somebody asks for it
	calls      map[string]*use   // that are whole nodes, by their paths
	homes      map[string]string // of calls and parameters that others have the states of, by path
	renamed    map[string]string // paths of parameters, by those of nodes with `name`
	scan       *scanning         // the innermost scan that is being built, or nil
	ties       map[string]bool   // single parameters that are shared, and whether they were met
	lowered    lowered
}

// shared is what the graphs of a program have in common while they are being built.
type shared struct {
	list  *diag.List
	def   *syntax.Spec
	first *initial
	uses  varUses
	taken Defaults // values of omitted arguments; nil if not needed
}

// initial is the graph of initial values, shared by the others.
type initial struct {
	*ir.Builder
	step  *ir.Node
	nodes map[string]*ir.Node // by state
	ghost map[*ir.Node]string // stand-ins for values that exist at run time only
}

// builder makes a builder for a new graph.
func builder(budget *diag.Budget) *ir.Builder {
	b := ir.NewBuilder(&ir.Graph{})
	b.Budget = budget
	return b
}

func newInitial(budget *diag.Budget) *initial {
	b := builder(budget)
	return &initial{Builder: b, step: b.Scalar(ir.I64, 0), nodes: map[string]*ir.Node{}, ghost: map[*ir.Node]string{}}
}

// set records the first value of a state.
func (in *initial) set(state string, n *ir.Node) {
	in.nodes[state] = n
	in.Graph.Outputs = append(in.Graph.Outputs, ir.Output{Name: state, Node: n})
}

// standIn makes a node with a type but no value.
func (in *initial) standIn(name string, t ir.Type) *ir.Node {
	n := &ir.Node{Op: ir.StateOp, Type: t, Name: name, Space: -1, ID: -1}
	in.ghost[n] = name
	return n
}

func newGraph(s *shared, training bool) *graph {
	return &graph{
		Builder: builder(s.list.Budget), shared: s, training: training,
		states: map[string]*ir.State{}, names: map[string]bool{}, frozen: map[*ir.State]bool{}, weights: map[*any]int{},
		calls: map[string]*use{}, homes: map[string]string{}, renamed: map[string]string{}, ties: map[string]bool{},
	}
}

// absent is the value of a parameter or state whose `when` is false, or of a state that
// only generation has.
type absent struct {
	name string
	at   diag.Range
	// generation says that it would exist where text is generated.
	generation bool
}

// repeated is the value of a node with `repeat`: the last one's.
type repeated []any

// anyBad needn't look into lists: one with something bad in it is bad itself.
func anyBad(values []any) bool { return slices.ContainsFunc(values, syntax.IsBad) }

// frame is one use of a body: its names with their values.
type frame struct {
	mod    *syntax.Module
	path   string // of the node that it belongs to; "" for the model
	home   string // of its parameters and states; "": path
	shares *use   // what it, or a call around it, shares them with
	caller *frame
	site   diag.Range // of the call

	consts  map[string]any
	vars    map[string]*syntax.Var // those of consts that are the spec's vars
	values  map[string]any
	nexts   map[string]any
	carried map[string]int // the numbers of its carries in the scan
	initial map[string]any // what states' initial values see

	kind   ir.StateKind // of its states
	commit bool         // its states are written by a step
	device string
	dtype  ir.DType

	precision ir.Precision

	narrow ir.DType // of a module that widens: the dtype in which its inputs and parameters meet
	frozen bool
	shared bool // other calls share its parameters
	depth  int

	sharedInside bool // or those of calls in it

	segment *ir.Segment // what its values are computed again with, in the backward pass

	gathers   bool   // its accumulating modules keep their states: it is a metric of an evaluation
	stateless string // the part of the spec in which nothing can own parameters and states; "" elsewhere
}

func newFrame(m *syntax.Module, path string) *frame {
	return &frame{mod: m, path: path, consts: map[string]any{}, values: map[string]any{},
		nexts: map[string]any{}, initial: map[string]any{}, kind: ir.BufferState, dtype: ir.F32}
}

// builtIn gives a frame the names that are built in, unless it has them already.
func (g *graph) builtIn(f *frame) {
	f.consts["training"] = g.training
	if _, taken := f.consts["generating"]; !taken { // a var, of a spec that is older than the name
		f.consts["generating"] = g.generating
	}
}

// at is where the parameters and states of what is in f are kept, by its path.
func (f *frame) at(path string) string {
	if f.home == "" {
		return path
	}
	return f.home + path[len(f.path):]
}

// callee makes the frame of a call out of f.
func (f *frame) callee(m *syntax.Module, path string, site diag.Range) *frame {
	c := newFrame(m, path)
	c.caller, c.site, c.depth = f, site, f.depth+1
	c.kind, c.commit, c.device, c.dtype, c.frozen = f.kind, f.commit, f.device, f.dtype, f.frozen
	c.gathers, c.stateless, c.shares, c.segment = f.gathers, f.stateless, f.shares, f.segment
	c.home = f.at(path)
	c.precision = f.precision
	c.shared, c.sharedInside = f.sharedInside, f.sharedInside
	return c
}

// join is join, paid from the budget.
func (g *graph) join(path, name string) string {
	g.named(len(path) + 1 + len(name))
	return join(path, name)
}

// named spends the cost of a new path of some bytes.
func (g *graph) named(bytes int) { g.list.Budget.Spend(diag.Naming, nameCost*bytes) }

// join appends a name to a path.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// origin is the position in the user's text that a position in f stands for: the call,
// if f is a module of the standard library.
func (f *frame) origin(at diag.Range) diag.Range {
	for f != nil && f.mod != nil && f.mod.Std {
		at, f = f.site, f.caller
	}
	return at
}

// report adds a problem found while f was built, at the position in the user's text, with
// the calls that lead to it as notes.
func (g *graph) report(f *frame, d diag.Diagnostic) {
	if g.uses.refused(d) {
		return
	}
	at := f.origin(d.Range)
	if at != d.Range {
		d.Message = f.mod.Name + ": " + d.Message
		d.Notes = append(d.Notes, diag.Note{Message: "in the expression", Range: d.Range})
		d.Range = at
	}
	calls := 0
	for c := f; c != nil && c.caller != nil && calls < 3; c = c.caller {
		if c.mod != nil && !c.mod.Std {
			at := c.caller.origin(c.site)
			d.Notes = append(d.Notes, diag.Note{Message: "in the call of " + c.mod.Name, Range: at})
			calls++
		}
	}
	g.list.Add(d)
}

func (g *graph) fail(f *frame, rule diag.Rule, at diag.Range, help, format string, args ...any) syntax.Bad {
	g.report(f, diag.Diagnostic{Rule: rule, Range: at, Help: help, Message: fmt.Sprintf(format, args...)})
	return syntax.Bad{}
}

// own marks the nodes made since from as belonging to a node of the spec, and pins them to
// its device.
func (g *graph) own(from int, path, device string) {
	for _, n := range g.Graph.Nodes[from:] {
		if n.Path == "" {
			n.Path = path
		}
		if device != "" && n.Device == "" && n.Op != ir.ConstOp {
			n.Device = device
			if n.State != nil {
				n.State.Device = device
			}
		}
	}
}

// nameNode names the node of a value by a path in the spec. Of two names in one body the
// first stays; of two paths the outer wins, but placement rules see the inner one. inner is
// the path of what is inside the node, if that isn't path.
func (g *graph) nameNode(v any, path, inner string) {
	n, ok := v.(*ir.Node)
	if !ok || n.Op == ir.StateOp || g.names[path] {
		return
	}
	within := func(path string) bool {
		rest, ok := strings.CutPrefix(n.Name, path)
		return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
	}
	if n.Name == "" || within(path) || inner != "" && within(inner) {
		delete(g.names, n.Name)
		n.Name = path
		if n.Path == "" { // else it is what it is inside of this one
			n.Path = path
		}
		g.names[path] = true
	}
}

// runBody builds the nodes and updates of a frame.
func (g *graph) runBody(f *frame) {
	for _, it := range f.mod.Order {
		if it.Bad || it.Def == nil {
			g.bind(f, it, syntax.Bad{})
			continue
		}
		if _, is := f.values[it.Name].(absent); is && it.Write {
			f.nexts[it.Name] = f.values[it.Name]
			continue
		}
		path := g.join(f.path, it.Name)
		ex := &expander{graph: g, f: f, to: g.Builder, path: path, item: it}
		from := len(g.Graph.Nodes)
		use := g.outline.beginNode(f, it)
		v := ex.node(it.Def)
		g.outline.end(use, v)
		if it.Write && f.mod.Accumulate {
			v = ex.gathered(it, v, from)
		}
		g.own(from, path, "")
		if !it.Write {
			inner := ""
			if it.Def.Path != "" {
				inner = g.join(f.path, it.Def.Path)
			}
			g.nameNode(v, path, inner)
		}
		g.bind(f, it, v)
	}
}

func (g *graph) bind(f *frame, it *syntax.Item, v any) {
	if it.Write {
		f.nexts[it.Name] = v
	} else {
		f.values[it.Name] = v
	}
}

// sizes gives the dimensions of a shape.
func (ex *expander) sizes(dims []expr.Expr, what string) (ir.Shape, bool) {
	shape := make(ir.Shape, len(dims))
	ok := true
	for i, d := range dims {
		v := ex.constant(d)
		n, isInt := v.(int)
		switch {
		case syntax.IsBad(v):
			ok = false
		case !isInt:
			ex.fail(ex.f, diag.InvalidArgument, d.At(), syntax.KindHelp(v, syntax.ArgInt), "a dimension of %s must be an int, got %s", what, ir.Describe(v))
			ok = false
		case n < 0:
			ex.fail(ex.f, diag.InvalidArgument, d.At(), "", "a dimension of %s must be at least 0, got %d", what, n)
			ok = false
		}
		shape[i] = n
	}
	return shape, ok
}

// Lists are shared, never copied, but a walk meets a list that occurs twice two times. So a
// list costs as many elements as it has written out: its weight.

// heaviest is the largest weight; no budget suffices for it.
const heaviest = diag.WholeBudget

// weight is the number of values in a value, itself included.
func (g *graph) weight(v any) int {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return 1
	}
	if w, known := g.weights[&list[0]]; known {
		return w
	}
	w := 1
	for _, item := range list {
		w = min(w+g.weight(item), heaviest)
	}
	g.weights[&list[0]] = w
	return w
}

// weigh spends what a new list costs.
func (g *graph) weigh(list []any) {
	g.list.Budget.Spend(diag.Listing, syntax.ElementCost*g.weight(list))
}

// look spends the cost of going through values as they are written out.
func (g *graph) look(values ...any) {
	for _, v := range values {
		if _, is := v.([]any); is {
			g.list.Budget.Spend(diag.Listing, syntax.LookCost*g.weight(v))
		}
	}
}

// brief is a compile-time value as messages show it.
func brief(v any) string {
	const most = 8
	list, ok := v.([]any)
	if v == nil {
		return "nil"
	}
	if !ok {
		return diag.Cut(fmt.Sprint(v))
	}
	var items []string
	for _, item := range list {
		if len(items) == most {
			items = append(items, "…")
			break
		}
		if _, nested := item.([]any); nested {
			item = ir.Describe(item)
		}
		items = append(items, brief(item))
	}
	return "[" + strings.Join(items, ", ") + "]"
}
