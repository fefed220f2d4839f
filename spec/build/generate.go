package build

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// Generation is how a program generates text.
type Generation struct {
	// Graph is the step that takes Context tokens: see Program.GenerateStep.
	Graph *ir.Graph
	// Init has an output for each state of generation, under its name.
	Init *ir.Graph

	Input   string // the model's input that takes the tokens
	Logits  string // the model's output for what follows each of them
	Context int    // tokens that the model sees
	Tokens  int    // logits of a position: ids are 0 to Tokens-1
	// Cached says that states keep what the model needs of earlier tokens, so that a step
	// takes only new ones. Otherwise each step takes all tokens of the context.
	Cached bool

	// Source reads the field that has the vocabulary; nil: tokens are numbers.
	Source *table.Decl
	Field  *table.Field

	// What is done unless it is said otherwise.
	MaxTokens, TopK   int64
	Temperature, TopP float64
	Stop              []string
}

// generation builds the graph of the generate section, for as many tokens as the model
// sees, and with it finds out whether it has states of generation.
func (p *Program) generation(s *shared) *graph {
	def := s.def.Generate
	in := p.Infer.State(def.Input)
	if in == nil || def.Logits == "" || def.Context == 0 {
		return nil // reported
	}
	p.Generate = &Generation{Input: def.Input, Logits: def.Logits, Context: def.Context, MaxTokens: def.MaxTokens, TopK: def.TopK,
		Temperature: def.Temperature, TopP: def.TopP, Stop: def.Stop}
	p.vocabulary(def, s.list)
	for _, st := range p.Infer.States {
		if st.Kind == ir.InputState && st.Name != def.Input {
			s.list.Add(diag.Diagnostic{Rule: diag.UnboundInput, Range: def.InputAt,
				Message: fmt.Sprintf("a generation feeds the tokens alone, and the model has another input, %s", st.Name),
				Notes:   []diag.Note{{Message: "declared here", Range: st.Origin}}})
			return nil
		}
	}
	if !in.Type.DType.IsInt() || len(in.Type.Shape) != 2 {
		s.list.Add(diag.Diagnostic{Rule: diag.ShapeMismatch, Range: def.InputAt,
			Message: fmt.Sprintf("the input %s must take ids of tokens, [batch, time], but it is %s", def.Input, in.Type),
			Notes:   []diag.Note{{Message: "declared here", Range: in.Origin}}})
		return nil
	}
	cached := diag.NewList(p.File) // its problems are none if the model turns out to keep nothing
	cached.Budget, cached.Sources = s.list.Budget, s.list.Sources
	own := &shared{list: &cached, def: s.def, first: newInitial(s.list.Budget), taken: s.taken}
	g := own.generating(p.Generate, in.Type.DType, def.Context, true)
	if !slices.ContainsFunc(g.Graph.States, func(st *ir.State) bool { return st.Kind == ir.GenerationState }) {
		own = &shared{list: s.list, def: s.def, first: newInitial(s.list.Budget)}
		g = own.generating(p.Generate, in.Type.DType, def.Context, false)
	} else {
		p.Generate.Cached = true
		if def.Context > 1 && !cached.HasErrors() { // a token's step must fit the model, too
			one := &shared{list: &cached, def: s.def, first: own.first}
			one.generating(&Generation{}, in.Type.DType, 1, true)
			one.uses.report(&cached, s.def.Vars)
			for i := range cached.Items {
				d := &cached.Items[i]
				d.Notes = append(d.Notes, diag.Note{Message: "where a step of a generation takes one token: the number of tokens must be a name of its own, which is no var"})
			}
		}
		cached.Items = slices.DeleteFunc(cached.Items, func(d diag.Diagnostic) bool { return d.Severity != diag.Error }) // Infer has had the others
		s.list.Merge(cached)
	}
	own.uses.report(s.list, s.def.Vars)
	own.first.check(g)
	p.Generate.Graph, p.Generate.Init = g.Graph, own.first.Graph
	p.Generate.Init.Outputs = slices.DeleteFunc(p.Generate.Init.Outputs, func(o ir.Output) bool {
		st := g.states[o.Name]
		return st == nil || st.Kind != ir.GenerationState
	})
	return g
}

// untrained gives the input that takes tokens its type, where there is no training whose
// data has one: a text of as many tokens as the model sees.
func (g *graph) untrained(types map[string]any) {
	def := g.def.Generate
	if def == nil || def.Context == 0 || g.def.Train != nil {
		return
	}
	f := newFrame(g.def.Model, "")
	g.vars(f)
	for _, in := range g.def.Model.Inputs {
		if in.Name != def.Input || in.Type == nil || in.Type.Any || len(in.Type.Dims) != 2 {
			continue
		}
		d, ok := ir.ParseDType(in.Type.DType)
		for i, dim := range in.Type.Dims {
			n, named := dim.(*expr.Name)
			one, literal := dim.(*expr.Literal)
			ok = ok && (named && f.consts[n.Name] == nil || i == 0 && literal && one.Value == 1)
		}
		if ok {
			types[in.Name] = ir.Type{DType: d, Shape: ir.Shape{1, def.Context}}
		}
	}
}

// vocabulary finds the field whose texts the tokens are.
func (p *Program) vocabulary(def *syntax.Generate, list *diag.List) {
	src := def.DataSource
	if src == nil || src.Decl == nil {
		return
	}
	field := src.Decl.Field(def.Input)
	if field == nil {
		if def.DataAt != def.At && !src.Open() { // it was named
			list.Add(diag.Diagnostic{Rule: diag.UnknownName, Range: def.DataAt, Help: syntax.ThereIs(src.FieldNames()),
				Message: fmt.Sprintf("the data source %s has no field %s, whose vocabulary the tokens of the input %s could have", src.Name, def.Input, def.Input)})
		}
		return
	}
	p.Generate.Source, p.Generate.Field = src.Decl, field
}

// generating builds a step of a generation that takes so many tokens. Cached ones are those
// that follow the tokens of earlier steps; otherwise they are all that the model sees, and
// the input ir.LastState says which of them is the last.
func (s *shared) generating(p *Generation, d ir.DType, time int, cached bool) *graph {
	def := s.def.Generate
	g := newGraph(s, false)
	g.generating, g.given = cached, true
	g.inference(map[string]any{def.Input: ir.Type{DType: d, Shape: ir.Shape{1, time}}})
	f := newFrame(s.def.Model, "")
	g.Origin = def.At
	var logits *ir.Node
	for _, o := range g.Graph.Outputs {
		if o.Name == def.Logits {
			logits = o.Node
		}
	}
	g.Graph.Outputs = nil
	if logits == nil {
		return g // reported
	}
	if t := logits.Type; !t.DType.IsFloat() || len(t.Shape) != 3 || t.Shape[0] != 1 || t.Shape[1] != time || t.Shape[2] == 0 {
		g.report(f, diag.Diagnostic{Rule: diag.ShapeMismatch, Range: def.LogitsAt,
			Message: fmt.Sprintf("the output %s must have logits for each position, float[1, %d, tokens], but it is %s for %s", def.Logits, time, t, diag.Count(time, "token")),
			Notes:   []diag.Note{{Message: "computed here", Range: logits.Origin}}})
		return g
	}
	p.Tokens = logits.Type.Shape[2]
	if !d.HasInt(int64(p.Tokens - 1)) {
		g.report(f, diag.Diagnostic{Rule: diag.TypeMismatch, Range: def.InputAt,
			Message: fmt.Sprintf("the input %s is %s, which has no %d, and the logits are for the ids 0 to %d", def.Input, d, p.Tokens-1, p.Tokens-1)})
	}
	last := g.Apply(ir.LookupOp("slice"), logits, 1, time-1, time)
	if !cached {
		at, _ := g.newState(f, ir.LastState, ir.InputState, ir.Type{DType: ir.I64, Shape: ir.Shape{1}}, def.At)
		rows := g.Apply(ir.LookupOp("reshape"), logits, []int{time, p.Tokens})
		last = g.Apply(ir.LookupOp("embedding"), at.Read, rows)
	}
	last = g.Apply(ir.LookupOp("reshape"), last, []int{p.Tokens})
	if last.Type.DType != ir.F64 {
		last = g.Cast(last, ir.F32)
	}
	st, _ := g.newState(f, ir.LogitsState, ir.MetricState, last.Type, def.At)
	st.Next = last
	return g
}

// GenerateStep is the graph of a step of a generation that takes so many tokens, which
// follow those of earlier steps. It keeps the logits after the last of them in
// ir.LogitsState. The states of generation are those of Generate.Init.
func (p *Program) GenerateStep(time int) (*ir.Graph, diag.List) {
	return p.again("where a step of a generation takes "+diag.Count(time, "token"), func(s *shared) *ir.Graph {
		return s.generating(&Generation{}, p.Infer.State(p.Generate.Input).Type.DType, time, p.Generate.Cached).Graph
	})
}
