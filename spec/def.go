package spec

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/tree"
)

// specDef is a decoded spec: the text's structure with its expressions parsed,
// nothing evaluated.
type specDef struct {
	file    string
	root    *tree.Node
	options Options

	name    string
	seed    int64
	vars    []*varDef
	sources []*sourceDef
	lib     *library
	imports *importer
	model   *module // nil if it can't be built at all
	train   *trainDef
	place   placementDef

	openVars bool // vars are missing because of what was reported
	// openSources says the same of data sources.
	openSources bool
}

type varDef struct {
	name  string
	at    diag.Range // of the name
	node  *tree.Node // of the value
	value any        // int, float64, bool, string, []any; bad if reported

	overridden bool // by --vars or --set
}

// sourceDef is a data source: nodes, or a file.
type sourceDef struct {
	name   string
	at     diag.Range
	body   *module // of generate: its nodes are the fields
	file   string  // of replay
	path   string
	named  diag.Range  // the file's name
	fields []*fieldDef // of replay
	used   bool
}

type fieldDef struct {
	name   string
	at     diag.Range
	tensor string
	typ    *expr.Type
}

type trainDef struct {
	at        diag.Range
	source    *sourceDef // nil without data
	loss      expr.Expr
	optimizer *expr.Call
	metrics   []*metricDef
	until     expr.Expr
	maxSteps  int64
	logEvery  int64

	clip       expr.Expr
	groups     []*groupDef
	accumulate int64
	weights    *weightsDef
	eval       *evalDef
	early      *earlyDef
	checkpoint *checkpointDef
}

type metricDef struct {
	name string
	at   diag.Range
	def  *nodeDef
}

// nodeDef is the right side of a node: an expression (mapping nodes are calls),
// or a choice.
type nodeDef struct {
	value expr.Expr // nil if it was reported, or if there is a choice
	at    diag.Range

	test            expr.Expr // of {if, then, else}
	then, otherwise *nodeDef

	device    string    // where it must run
	dtype     ir.DType  // of a module's parameters
	path      string    // instead of the node's name
	frozen    bool      // trainable: false
	repeat    expr.Expr // how many times
	hasRepeat bool
}

// module is a module, an optimizer, the model, or a generating source: things
// with a body.
type module struct {
	name      string
	doc       string
	example   string
	at        diag.Range
	optimizer bool
	std       bool
	override  bool   // it says that it replaces the standard library's
	path      string // of its calls inside of expressions, instead of the name
	widen     bool   // f16 and bf16 are f32 inside
	root      bool   // the model or a source: sees vars, has no arguments

	inputs  []*inputDef
	args    []*argDef
	require []*requireDef
	params  []*paramDef
	states  []*stateDef
	items   []*item // nodes and updates in the text's order
	order   []*item // the same, each after what it needs; without cycles
	outputs []*outputDef
	single  bool // output, not outputs

	sig       *signature // how it is called
	recursive bool       // contains itself; reported
	open      bool       // its names are incomplete because of what was reported
}

// size counts the names that a call of the module binds.
func (m *module) size() int {
	return len(m.inputs) + len(m.args) + len(m.params) + len(m.states) + len(m.items) + len(m.outputs)
}

type inputDef struct {
	name string
	at   diag.Range
	typ  *expr.Type
}

// argKind is the kind of a module's argument.
type argKind uint8

const (
	argInt argKind = iota
	argFloat
	argBool
	argString
	argList
	argScalar
	argNumbers
)

var argKinds = [...]string{"int", "float", "bool", "string", "list", "scalar", "numbers"}

func (k argKind) String() string { return argKinds[k] }

type argDef struct {
	name     string
	at       diag.Range
	kind     argKind
	optional bool
	fallback expr.Expr
	doc      string
	min, max any      // bounds of a number, or nil
	values   []string // of a string, or nil: what it can be
	length   int      // of a list or numbers: how many there must be; -1: any
	none     bool     // it can be nil
	sized    bool     // its default names symbolic dimensions
}

// requireDef is a condition on arguments and dimensions.
type requireDef struct {
	text string // what the condition says
	cond expr.Expr
}

type paramDef struct {
	name  string
	at    diag.Range
	shape []expr.Expr
	init  expr.Expr
	when  expr.Expr
}

type stateDef struct {
	name string
	at   diag.Range
	init expr.Expr
	when expr.Expr
}

// item is a node of a body, or an entry of its update.
type item struct {
	name  string
	at    diag.Range
	def   *nodeDef
	write bool // what a state becomes
	uses  []*item
	used  bool
	bad   bool // part of a cycle
}

type outputDef struct {
	name  string
	at    diag.Range
	value expr.Expr
}

type placementDef struct {
	fallback string
	rules    []*ruleDef
}

type ruleDef struct {
	at                    diag.Range
	match, device, prefer string
}

// fieldNames lists a source's fields.
func (src *sourceDef) fieldNames() []string {
	var names []string
	if src.body != nil {
		for _, it := range src.body.items {
			names = append(names, it.name)
		}
	}
	for _, f := range src.fields {
		names = append(names, f.name)
	}
	return names
}
