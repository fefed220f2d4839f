package syntax

// The sections of a spec: the keys of each, their meanings, values and defaults. The
// decoder checks against these tables and nothing else; the JSON Schema and the tables of
// docs/language.md are generated from them.

// Section is a mapping with a closed set of keys.
type Section struct {
	name string // how messages call it
	Doc  string
	Keys []Key
	One  []string // exactly one of these keys must be given

	Others string // the form of keys that aren't listed, which the decoder checks; "" if there are none
}

type Key struct {
	Name     string
	doc      string // in a few words; messages say it too
	more     string // what the reference adds
	Value    string // what it takes: a name in forms
	Required bool
	Default  string // what an absent key means, as a spec would write it
	Aside    bool   // it doesn't change what a step computes
}

func (s *Section) Key(name string) *Key {
	for i := range s.Keys {
		if s.Keys[i].Name == name {
			return &s.Keys[i]
		}
	}
	return nil
}

var (
	RootSection = &Section{name: "a spec", Doc: "A spec: one file, one experiment.", Keys: []Key{
		{Name: "flowrun", Value: "version", doc: "the version of the language: 1", Required: true},
		{Name: "name", Value: "text", doc: "what the experiment is called; the file's name without its ending if absent"},
		{Name: "seed", Value: "int", doc: "the seed of all random numbers", more: "`--seed` overrides it", Default: "0"},
		{Name: "imports", Value: "imports", doc: "files whose modules and optimizers are used here"},
		{Name: "vars", Value: "vars", doc: "constants: a name and its value, or {value, type, min, max, doc}"},
		{Name: "data", Value: "sources", doc: "data sources by name"},
		{Name: "modules", Value: "modules", doc: "the spec's own modules by name"},
		{Name: "optimizers", Value: "optimizers", doc: "the spec's own optimizers by name"},
		{Name: "model", Value: "model", doc: "inputs, nodes and outputs", Required: true},
		{Name: "train", Value: "train", doc: "how to train; without it the spec can only be evaluated"},
		{Name: "placement", Value: "placement", doc: "where things run"},
	}}
	importSection = &Section{name: "an import", Doc: "A file, and which of its modules and optimizers.", Keys: []Key{
		{Name: "from", Value: "file", doc: "the file", more: "relative to the one that it is imported into", Required: true},
		{Name: "names", Value: "import names", doc: "which ones: [Block], or {Block: NameHere}", more: "all of the file's own if absent"},
	}}
	LibrarySection = &Section{name: "a file of modules", Doc: "A file that specs import.", Keys: []Key{
		{Name: "flowrun", Value: "version", doc: "the version of the language: 1", Required: true},
		{Name: "imports", Value: "imports", doc: "files whose modules and optimizers are used here", more: "they aren't passed on"},
		{Name: "modules", Value: "modules", doc: "modules by name"},
		{Name: "optimizers", Value: "optimizers", doc: "optimizers by name"},
	}}
	varSection = &Section{name: "a var", Doc: "A var with a declared type.", Keys: []Key{
		{Name: "value", Value: "constant", doc: "its value", Required: true},
		{Name: "type", Value: "var type", doc: "int, float, bool, string or list", more: "an int is taken for a float"},
		{Name: "min", Value: "constant", doc: "the smallest value allowed"},
		{Name: "max", Value: "constant", doc: "the largest value allowed"},
		{Name: "doc", Value: "note", doc: "what it is for"},
	}}
	sourceSection = &Section{name: "a data source", Doc: "Where batches come from: nodes that generate them, or a file."}
	fieldSection  = &Section{name: "a field", Doc: "A field of a file.", Keys: []Key{
		{Name: "tensor", Value: "text", doc: "the tensor's name in the file", Required: true},
		{Name: "type", Value: "type", doc: "the type of one batch", more: "without symbolic dimensions", Required: true},
	}}
	modelSection = &Section{name: "model", Doc: "The model.", Keys: []Key{
		{Name: "inputs", Value: "inputs", doc: "inputs by name with their types", more: "a model may have none"},
		{Name: "nodes", Value: "model nodes", doc: "nodes by name", Required: true},
		{Name: "outputs", Value: "names", doc: "the nodes that callers get", more: "names of nodes or inputs", Required: true},
	}}
	groupSection = &Section{name: "a group of parameters", Doc: "A group of parameters; the first group that matches counts.",
		Others: "expression", Keys: []Key{
			{Name: "match", Value: "text", doc: "a name of parameters, in which * stands for any text", Required: true},
			{Name: "frozen", Value: "bool", doc: "whether they aren't trained", Default: "false"},
		}}
	initSection = &Section{name: "init", Doc: "Where parameters start from.", Keys: []Key{
		{Name: "safetensors", Value: "text", doc: "a safetensors file that holds all parameters", more: "what else it holds isn't read", Required: true},
		{Name: "rename", Value: "renames", doc: "names of parameters by the names that the file has for them"},
	}}
	evalSection = &Section{name: "eval", Doc: "Metrics on other data.", Keys: []Key{
		{Name: "data", Value: "text", doc: "the data source", more: "it may be the one of train", Required: true},
		{Name: "every", Value: "count", doc: "steps between evaluations", Required: true},
		{Name: "metrics", Value: "nodes", doc: "scalars by name", more: "shown as `eval.NAME`", Required: true},
		{Name: "batches", Value: "count", doc: "over how many batches metrics are averaged", Default: "1"},
	}}
	earlyStopSection = &Section{name: "early_stop", Doc: "Ends the run when a metric no longer improves.", Keys: []Key{
		{Name: "metric", Value: "text", doc: "the metric: NAME, or eval.NAME", Required: true},
		{Name: "patience", Value: "count", doc: "after how many steps without a better value the run ends", Required: true},
		{Name: "mode", Value: "mode", doc: "min if smaller is better, max if larger is", Default: "min"},
		{Name: "min_delta", Value: "delta", doc: "by how much a value must be better to count", Default: "0"},
	}}
	checkpointSection = &Section{name: "checkpoint", Doc: "When to save everything that a run needs to go on.", Keys: []Key{
		{Name: "every", Value: "count", doc: "steps between checkpoints", Required: true},
		{Name: "keep", Value: "count", doc: "how many are kept, the newest", Default: "3"},
		{Name: "best", Value: "best", doc: "the metric by which the best one is kept too: {metric, mode}"},
		{Name: "dir", Value: "text", doc: "the folder, in the spec's own", Default: "checkpoints"},
	}}
	bestSection = &Section{name: "best", Doc: "Which checkpoint is the best.", Keys: []Key{
		{Name: "metric", Value: "text", doc: "the metric: NAME, or eval.NAME", Required: true},
		{Name: "mode", Value: "mode", doc: "min if smaller is better, max if larger is", Default: "min"},
	}}
	moduleSection = &Section{name: "a module", Doc: "A module: an operation made of nodes.",
		One: []string{"output", "outputs"}, Keys: []Key{
			{Name: "doc", Value: "note", doc: "what it computes"},
			{Name: "example", Value: "note", doc: "YAML that shows how it is used"},
			{Name: "override", Value: "bool", doc: "whether it replaces the standard library's module of that name", Default: "false"},
			{Name: "path", Value: "name", doc: "what its calls inside of expressions are called in paths", more: "the name that they call it by if absent"},
			{Name: "widen", Value: "bool", doc: "whether f16 and bf16 are computed in f32 inside, and the result is rounded once", Default: "false"},
			{Name: "inputs", Value: "inputs", doc: "inputs by name with their types, whose dimensions may be symbolic"},
			{Name: "args", Value: "args", doc: "arguments by name: a kind (int, float, bool, string, list, scalar, numbers), a default, or {type, default, doc}",
				more: "a kind alone makes the argument required"},
			{Name: "require", Value: "requirements", doc: "what must hold of arguments and dimensions",
				more: "each as a sentence and the condition that it stands for"},
			{Name: "params", Value: "params", doc: "parameters by name"},
			{Name: "state", Value: "states", doc: "states by name with their initial values", more: "or the long form"},
			{Name: "nodes", Value: "nodes", doc: "nodes by name"},
			{Name: "update", Value: "nodes", doc: "what a step writes into the states, and nodes on the way there"},
			{Name: "output", Value: "expression", doc: "the value of a call"},
			{Name: "outputs", Value: "names", doc: "the values of a call, taken as call.name", more: "instead of `output`"},
		}}
	optimizerSection = &Section{name: "an optimizer", Doc: "An optimizer: a module without inputs, applied to each parameter.", Keys: []Key{
		{Name: "doc", Value: "note", doc: "what it computes"},
		{Name: "example", Value: "note", doc: "YAML that shows how it is used"},
		{Name: "override", Value: "bool", doc: "whether it replaces the standard library's optimizer of that name", Default: "false"},
		{Name: "args", Value: "args", doc: "arguments by name: a kind, a default, or {type, default, doc}", more: "as for modules"},
		{Name: "state", Value: "states", doc: "states by name with their initial values, kept per parameter", more: "`optimizer.h1.weight.velocity`"},
		{Name: "update", Value: "nodes", doc: "what a step writes into the states and into param, and nodes on the way there", Required: true},
	}}
	argSection = &Section{name: "an argument", Doc: "An argument of a module.", Keys: []Key{
		{Name: "type", Value: "arg type", doc: "int, float, bool, string, list, scalar or numbers",
			more: "a `scalar` is a number or a tensor without dimensions; `numbers` are a list of numbers, or one, which is taken for a list", Required: true},
		{Name: "default", Value: "expression", doc: "its value where a call gives none",
			more: "it sees the arguments above it and the symbolic dimensions"},
		{Name: "min", Value: "constant", doc: "the smallest value allowed"},
		{Name: "max", Value: "constant", doc: "the largest value allowed"},
		{Name: "values", Value: "constants", doc: "of a string: the values allowed"},
		{Name: "length", Value: "length", doc: "of a list or numbers: how many elements there must be"},
		{Name: "nil", Value: "bool", doc: "whether it can be nil; not if absent"},
		{Name: "doc", Value: "note", doc: "what it means"},
	}}
	paramSection = &Section{name: "a parameter", Doc: "A parameter of a module.", Keys: []Key{
		{Name: "shape", Value: "shape", doc: "its dimensions", Required: true},
		{Name: "init", Value: "expression", doc: "its first value: a number, or an expression of that shape",
			more: "random operations need no `shape` here", Required: true},
		{Name: "when", Value: "expression", doc: "a condition known at compile time; without it there is no parameter",
			more: "and using it is an error", Default: "true"},
		{Name: "doc", Value: "note", doc: "what it means"},
	}}
	stateSection = &Section{name: "a state", Doc: "A state of a module.", Keys: []Key{
		{Name: "init", Value: "expression", doc: "its first value, which also gives its type",
			more: "it sees parameters, and inputs as far as only their types matter (`zeros_like(x)`)", Required: true},
		{Name: "when", Value: "expression", doc: "a condition known at compile time; without it there is no state",
			more: "and using it is an error", Default: "true"},
		{Name: "doc", Value: "note", doc: "what it means"},
	}}
	IfSection = &Section{name: "an if", Doc: "A choice made at compile time.", Keys: []Key{
		{Name: "if", Value: "expression", doc: "the condition", more: "known at compile time", Required: true},
		{Name: "then", Value: "node", doc: "the node if it holds", Required: true},
		{Name: "else", Value: "node", doc: "the node if it doesn't", Required: true},
	}}
	PlacementSection = &Section{name: "placement", Doc: "Where things run.", Keys: []Key{
		{Name: "default", Value: "default device", doc: "auto, or a device", Default: "auto"},
		{Name: "rules", Value: "rules", doc: "a list of {match, device} and {match, prefer}"},
	}}
	ruleSection = &Section{name: "a placement rule", Doc: "A rule: device binds, prefer wishes; later rules override earlier ones.",
		One: []string{"device", "prefer"}, Keys: []Key{
			{Name: "match", Value: "text", doc: "a path of nodes and states, in which * stands for any text", Required: true},
			{Name: "device", Value: "device", doc: "where they must run"},
			{Name: "prefer", Value: "device", doc: "where they should run", more: "if possible"},
		}}
	// NodeSection has the keys that any mapping node can have besides the operation and its
	// arguments; `if` makes the node a choice.
	NodeSection = &Section{name: "a mapping node", Doc: "An operation or module with its inputs and its arguments.", Keys: []Key{
		{Name: "device", Value: "device", doc: "where the node must run", more: "parameters included"},
		{Name: "repeat", Value: "expression", doc: "how many times a module stands in a row",
			more: "an int of at least 1, known at compile time; each takes the one before as its first input"},
		{Name: "dtype", Value: "dtype", doc: "of a module: the dtype of its parameters, f16, bf16, f32 or f64; inherit is that of the node around it, in the model f32",
			more: "operations with an argument `dtype` take it as that", Default: Inherit},
		{Name: "name", Value: "text", doc: "of a module: the path of its parameters, instead of the node's name", more: "as weight files write it: `net.0`"},
		{Name: "trainable", Value: "bool", doc: "of a module: whether its parameters are trained", Default: "true"},
	}}
)

// homes lists the sections that have a key, for help with keys in the wrong section.
var homes = map[string][]string{}

func init() {
	sourceSection.One, sourceSection.Keys = dataKeys()
	sourceSection.Keys = append(sourceSection.Keys, Key{Name: "fields", Value: "fields", doc: "of a file: its fields by name"})
	for _, k := range trainKeys {
		TrainSection.Keys = append(TrainSection.Keys, k.Key)
	}
	for _, s := range []*Section{RootSection, modelSection, TrainSection, PlacementSection, moduleSection} {
		for _, k := range s.Keys {
			homes[k.Name] = append(homes[k.Name], s.name)
		}
	}
}

// The defaults of train.log_every and checkpoint.keep.
const (
	defaultLogEvery = 100
	defaultKeep     = 3
)

// Version is the language's.
const Version = 1
