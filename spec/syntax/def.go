package syntax

import (
	"iter"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Spec is a decoded spec: the text's structure with its expressions parsed,
// nothing evaluated.
type Spec struct {
	File    string
	Root    *tree.Node
	Options Options

	Name        string
	Seed        int64
	Vars        []*Var
	DataSources []*DataSource
	Library     *Library
	Imports     *importer
	Model       *Module // nil if it can't be built at all
	Train       *Train
	Weights     *Weights // of model.init
	Generate    *Generate
	Placement   ir.Placement
	Files       []NamedFile // that it reads, in the text's order

	OpenVars bool // vars are missing because of what was reported
	// openSources says the same of data sources.
	openDataSources bool
}

// NamedFile is a name of files that a spec reads.
type NamedFile struct {
	Node    *tree.Node
	Name    string // with the values of vars
	Pattern bool   // whether the text may be a pattern
}

type Var struct {
	Name  string
	At    diag.Range // of the name
	Node  *tree.Node // of the value
	Value any        // int, float64, bool, string, []any; bad if reported

	Overridden bool // by --vars or --set
	Used       bool // in the name of a file
}

// DataSource is a data source: nodes, or files, or other data sources.
type DataSource struct {
	Name      string
	At        diag.Range
	Body      *Module     // of generate: its nodes are the fields
	Decl      *table.Decl // of all others, but for its fields
	Kind      *table.Kind // of files; nil of others
	Fields    []*Field    // of files, or of the data sources that it joins
	Transform *Module     // nodes on its batches; nil: none
	Used      bool

	joins      []join
	joined     bool       // zip or mix uses it
	needsBatch bool       // it doesn't say how large a batch is
	openFields bool       // fields are missing because of what was reported
	splitNode  *tree.Node // its split

	byName map[string]*Field // the first so many fields
	named  int
}

// join is a data source that another one uses.
type join struct {
	name   string
	at     diag.Range
	source *DataSource // nil if there is none
}

// Field is a field of a data source that reads files.
type Field struct {
	Name string
	At   diag.Range
	Type *expr.Type  // as declared
	Decl table.Field // its type is known once vars are

	normalizeAt, fillAt diag.Range
	refused             bool // its classes were reported
}

// Train is the train section. What needs no graph is in Loop.
type Train struct {
	At         diag.Range
	Loop       ir.Loop
	DataSource *DataSource // nil without data
	Part       string      // of the data source
	Updates    []*Update   // in their order; a single one without a name in the short form
	Averages   []*Average
	Metrics    []*Metric
	Until      expr.Expr
	Weights    *Weights // that training begins with; nil: the initial values
	Evaluation *Evaluation

	UsesEpoch bool // an expression names epoch or epoch_fraction
	UsesNorm  bool // a metric names what is known after the updates: grad_norm, or anything where updates have names

	OpenUpdates bool // some are missing because of what was reported

	short        *Update
	openAverages bool
	openMetrics  bool // metrics are missing because of what was reported
}

type Metric struct {
	Name    string
	At      diag.Range
	Def     *Node
	Implied bool // the spec doesn't name it

	UsesNorm bool // it names what is known after the updates
}

// Node is the right side of a node: an expression (mapping nodes are calls),
// or a choice.
type Node struct {
	Value expr.Expr // nil if it was reported, or if there is a choice
	At    diag.Range

	Test       expr.Expr // of {if, then, else}
	Then, Else *Node

	Device    string    // where it must run
	Dtype     ir.DType  // of a module's parameters
	Path      string    // instead of the node's name
	Frozen    bool      // trainable: false
	Repeat    expr.Expr // how many times
	HasRepeat bool
	Share     *Share     // nil: its parameters and states are its own
	Precision ir.DType   // in which products are computed
	Recompute *Recompute // nil: what its backward pass needs is kept
	Scan      *Scan      // nil: it is applied once
}

// Recompute says that values of a module are computed again in the backward pass.
type Recompute struct {
	At diag.Range
	// Every is how many of a module's repetitions are computed again together, keeping what
	// enters the first; nil: each by itself.
	Every expr.Expr
}

// Share says whose parameters and states a module has.
type Share struct {
	At diag.Range
	// With is the path of another node: all are that node's. It is nil for the other forms,
	// and if it was reported.
	With expr.Expr
	// Repeats says that repetitions have one set.
	Repeats bool
	// Params are single parameters.
	Params []SharedParam
}

// Root is the name that the path of a node or parameter begins with, and whether the path
// has more.
func Root(path expr.Expr) (name string, more bool) {
	for {
		switch x := path.(type) {
		case *expr.Member:
			path, more = x.X, true
		case *expr.Index:
			path = x.X
		case *expr.Name:
			return x.Name, more
		default:
			return "", false
		}
	}
}

// SharedParam is a parameter of a module that is a parameter of something else.
type SharedParam struct {
	Path string // within the module
	At   diag.Range
	From expr.Expr // the path of the other one; nil if it was reported
}

// Module is a module, an optimizer, the model, or a generating data source: what
// has a body.
type Module struct {
	Name       string
	Doc        string
	At         diag.Range
	Optimizer  bool
	Std        bool
	Override   bool     // it is marked as overriding the standard library's
	Path       string   // of its calls inside of expressions, instead of the name
	Widen      bool     // f16 and bf16 are f32 inside
	Accumulate bool     // its states gather what an evaluation's batches give
	Precision  ir.DType // in which it computes; of the model: in which products are computed
	Root       bool     // the model or a data source: it sees vars and has no arguments

	Inputs  []*Input
	Args    []*Arg
	Require []*Requirement
	Params  []*Parameter
	States  []*State
	Items   []*Item // nodes and updates in the text's order
	Order   []*Item // the same, each after what it needs; without cycles
	Outputs []*Output
	Labels  []*Label // of the model's outputs
	Single  bool     // output, not outputs
	Carries bool     // some of its states are carries

	sig       *Signature // how it is called
	Recursive bool       // contains itself; reported
	Open      bool       // its names are incomplete because of what was reported
}

// Size counts the names that a call of the module binds.
func (m *Module) Size() int {
	return len(m.Inputs) + len(m.Args) + len(m.Params) + len(m.States) + len(m.Items) + len(m.Outputs)
}

type Input struct {
	Name string
	At   diag.Range
	Type *expr.Type
}

// argKind is the kind of a module's argument.
type argKind uint8

const (
	ArgInt argKind = iota
	ArgFloat
	ArgBool
	argString
	argList
	ArgScalar
	ArgNumbers
	ArgTensor
)

var argKinds = [...]string{"int", "float", "bool", "string", "list", "scalar", "numbers", "tensor"}

// IsValue reports whether an argument of the kind can be a tensor, which compile-time
// contexts can't use.
func (k argKind) IsValue() bool { return k == ArgScalar || k == ArgTensor }

func (k argKind) String() string { return argKinds[k] }

type Arg struct {
	Name     string
	At       diag.Range
	Kind     argKind
	Optional bool
	Default  expr.Expr
	Min, Max any      // bounds of a number, or nil
	values   []string // of a string, or nil: what it can be
	Length   int      // of a list or numbers: how many there must be; -1: any
	Nil      bool     // it can be nil
	Sized    bool     // its default names symbolic dimensions
}

// Requirement is a condition on arguments and dimensions.
type Requirement struct {
	Text string // what the condition says
	Cond expr.Expr
}

type Parameter struct {
	Name  string
	At    diag.Range
	Shape []expr.Expr
	Init  expr.Expr
	When  expr.Expr
	Path  *ParamPath // instead of the name; nil: the name
}

type State struct {
	Name string
	At   diag.Range
	Init expr.Expr
	When expr.Expr
	// Generation says that it exists only where text is generated step by step.
	Generation bool
	// Carry says that it goes from one position of a scan to the next.
	Carry bool
}

// Item is a node of a body, or an entry of its update.
type Item struct {
	Name  string
	At    diag.Range
	Def   *Node
	Write bool // what a state becomes
	Uses  []*Item
	Used  bool
	// Shared says that a node shares its parameters; SharedInside, those of calls in it.
	Shared, SharedInside bool
	Bad                  bool // part of a cycle
}

// Label says that an output is about the classes of a field.
type Label struct {
	Output, Field string
	At, FieldAt   diag.Range
	Found         *Field // nil if there is none
}

type Output struct {
	Name  string
	At    diag.Range
	Value expr.Expr
}

// FieldNames lists a data source's fields.
func (src *DataSource) FieldNames() []string {
	var names []string
	if src.Body != nil {
		for _, it := range src.Body.Items {
			names = append(names, it.Name)
		}
	}
	names = append(names, src.fieldNames()...)
	if src.Transform != nil {
		for _, it := range src.Transform.Items {
			if src.FieldNamed(it.Name) == nil {
				names = append(names, it.Name)
			}
		}
	}
	return names
}

// Open reports whether fields of a data source may be missing because of what was
// reported.
func (src *DataSource) Open() bool {
	return src.openFields || src.Body != nil && src.Body.Open || src.Transform != nil && src.Transform.Open
}

// Joined lists the data sources that this one joins, with the positions of their names.
func (src *DataSource) Joined() iter.Seq2[*DataSource, diag.Range] {
	return func(yield func(*DataSource, diag.Range) bool) {
		for _, j := range src.joins {
			if j.source != nil && !yield(j.source, j.at) {
				return
			}
		}
	}
}

// NormalizeAt and FillAt are where a field says that, if it does.
func (f *Field) NormalizeAt() diag.Range { return f.normalizeAt }
func (f *Field) FillAt() diag.Range      { return f.fillAt }
