package spec

// The sections of a spec: which keys each has, what they mean, what values they
// take, what they default to. The decoder checks against these tables and nothing
// else; the JSON Schema (schema.go) and the tables of docs/language.md are
// generated from them.

// section is a mapping with a closed set of keys.
type section struct {
	name string // how messages call it
	doc  string
	keys []keyDecl
	one  []string // exactly one of these keys stands there

	others string // the form of keys that aren't listed, which the decoder checks; "" if there are none
}

type keyDecl struct {
	name     string
	doc      string // in a few words; messages say it too
	more     string // what the reference adds
	value    string // what it takes: a name in forms
	required bool
	fallback string // what an absent key means, as a spec would write it
}

func (s *section) key(name string) *keyDecl {
	for i := range s.keys {
		if s.keys[i].name == name {
			return &s.keys[i]
		}
	}
	return nil
}

var (
	rootSection = &section{name: "a spec", doc: "A spec: one file, one experiment.", keys: []keyDecl{
		{name: "flowrun", value: "version", doc: "the version of the language: 1", required: true},
		{name: "name", value: "text", doc: "what the experiment is called; the file's name without its ending if absent"},
		{name: "seed", value: "int", doc: "the seed of all random numbers", more: "`--seed` overrides it", fallback: "0"},
		{name: "imports", value: "imports", doc: "files whose modules and optimizers are used here"},
		{name: "vars", value: "vars", doc: "constants: a name and its value, or {value, type, min, max, doc}"},
		{name: "data", value: "sources", doc: "data sources by name"},
		{name: "modules", value: "modules", doc: "the spec's own modules by name"},
		{name: "optimizers", value: "optimizers", doc: "the spec's own optimizers by name"},
		{name: "model", value: "model", doc: "inputs, nodes and outputs", required: true},
		{name: "train", value: "train", doc: "how to train; without it the spec can only be evaluated"},
		{name: "placement", value: "placement", doc: "where things run"},
	}}
	importSection = &section{name: "an import", doc: "A file, and which of its modules and optimizers.", keys: []keyDecl{
		{name: "from", value: "file", doc: "the file", more: "relative to the one that it is imported into", required: true},
		{name: "names", value: "import names", doc: "which ones: [Block], or {Block: NameHere}", more: "all of the file's own if absent"},
	}}
	librarySection = &section{name: "a file of modules", doc: "A file that specs import.", keys: []keyDecl{
		{name: "flowrun", value: "version", doc: "the version of the language: 1", required: true},
		{name: "imports", value: "imports", doc: "files whose modules and optimizers are used here", more: "they aren't passed on"},
		{name: "modules", value: "modules", doc: "modules by name"},
		{name: "optimizers", value: "optimizers", doc: "optimizers by name"},
	}}
	varSection = &section{name: "a var", doc: "A var with a declared type.", keys: []keyDecl{
		{name: "value", value: "constant", doc: "its value", required: true},
		{name: "type", value: "var type", doc: "int, float, bool, string or list", more: "an int is taken for a float"},
		{name: "min", value: "constant", doc: "the smallest value allowed"},
		{name: "max", value: "constant", doc: "the largest value allowed"},
		{name: "doc", value: "note", doc: "what it is for"},
	}}
	sourceSection = &section{name: "a data source", doc: "Where batches come from: one of generate and replay.",
		one: []string{"generate", "replay"}, keys: []keyDecl{
			{name: "generate", value: "nodes", doc: "nodes, evaluated anew at every step; each is a field"},
			{name: "replay", value: "text", doc: "a safetensors file: row i of each tensor is the batch of step i"},
			{name: "fields", value: "fields", doc: "of a replay: the fields by name"},
		}}
	fieldSection = &section{name: "a field", doc: "A field of a replay.", keys: []keyDecl{
		{name: "tensor", value: "text", doc: "the tensor's name in the file", required: true},
		{name: "type", value: "type", doc: "the type of one batch", more: "without symbolic dimensions", required: true},
	}}
	modelSection = &section{name: "model", doc: "The model.", keys: []keyDecl{
		{name: "inputs", value: "inputs", doc: "inputs by name with their types", more: "a model may have none"},
		{name: "nodes", value: "model nodes", doc: "nodes by name", required: true},
		{name: "outputs", value: "names", doc: "the nodes that callers get", more: "names of nodes or inputs", required: true},
	}}
	trainSection = &section{name: "train", doc: "How to train. One of until and max_steps must be there.", keys: []keyDecl{
		{name: "data", value: "text", doc: "the data source that the batches come from", more: "needed if the model has inputs"},
		{name: "loss", value: "expression", doc: "a floating scalar, to be made small", required: true},
		{name: "optimizer", value: "optimizer call", doc: "an optimizer with its arguments: {SGD: {lr: 0.1}}", required: true},
		{name: "metrics", value: "metrics", doc: "scalars by name, kept and logged", more: "after every step"},
		{name: "until", value: "expression", doc: "the condition at which training ends, over metrics and step"},
		{name: "max_steps", value: "steps", doc: "how many steps at most", fallback: "unlimited"},
		{name: "log_every", value: "count", doc: "steps between log lines", fallback: "100"},
		{name: "clip_grad_norm", value: "expression", doc: "the largest norm that all gradients together may have", more: "it sees `step` as the optimizer does; without it, nothing is clipped"},
		{name: "param_groups", value: "groups", doc: "a list of {match, …}: parameters with optimizer arguments of their own"},
		{name: "accumulate", value: "count", doc: "over how many steps gradients are averaged before the optimizer's", fallback: "1"},
		{name: "init", value: "init", doc: "a file that the parameters start from"},
		{name: "eval", value: "eval", doc: "metrics on other data, every so many steps"},
		{name: "early_stop", value: "early_stop", doc: "ends the run when a metric no longer improves"},
		{name: "checkpoint", value: "checkpoint", doc: "when to save everything that a run needs to go on"},
	}}
	groupSection = &section{name: "a group of parameters", doc: "A group of parameters; the first group that matches counts.",
		others: "expression", keys: []keyDecl{
			{name: "match", value: "text", doc: "a name of parameters, in which * stands for any text", required: true},
			{name: "frozen", value: "bool", doc: "whether they aren't trained", fallback: "false"},
		}}
	initSection = &section{name: "init", doc: "Where parameters start from.", keys: []keyDecl{
		{name: "safetensors", value: "text", doc: "a safetensors file that holds all parameters", more: "what else it holds isn't read", required: true},
		{name: "rename", value: "renames", doc: "names of parameters by the names that the file has for them"},
	}}
	evalSection = &section{name: "eval", doc: "Metrics on other data.", keys: []keyDecl{
		{name: "data", value: "text", doc: "the data source", more: "it may be the one of train", required: true},
		{name: "every", value: "count", doc: "steps between evaluations", required: true},
		{name: "metrics", value: "nodes", doc: "scalars by name", more: "shown as `eval.NAME`", required: true},
		{name: "batches", value: "count", doc: "over how many batches metrics are averaged", fallback: "1"},
	}}
	earlyStopSection = &section{name: "early_stop", doc: "Ends the run when a metric no longer improves.", keys: []keyDecl{
		{name: "metric", value: "text", doc: "the metric: NAME, or eval.NAME", required: true},
		{name: "patience", value: "count", doc: "after how many steps without a better value the run ends", required: true},
		{name: "mode", value: "mode", doc: "min if smaller is better, max if larger is", fallback: "min"},
		{name: "min_delta", value: "delta", doc: "by how much a value must be better to count", fallback: "0"},
	}}
	checkpointSection = &section{name: "checkpoint", doc: "When to save everything that a run needs to go on.", keys: []keyDecl{
		{name: "every", value: "count", doc: "steps between checkpoints", required: true},
		{name: "keep", value: "count", doc: "how many are kept, the newest", fallback: "3"},
		{name: "best", value: "best", doc: "the metric by which the best one is kept too: {metric, mode}"},
		{name: "dir", value: "text", doc: "the folder, in the spec's own", fallback: "checkpoints"},
	}}
	bestSection = &section{name: "best", doc: "Which checkpoint is the best.", keys: []keyDecl{
		{name: "metric", value: "text", doc: "the metric: NAME, or eval.NAME", required: true},
		{name: "mode", value: "mode", doc: "min if smaller is better, max if larger is", fallback: "min"},
	}}
	moduleSection = &section{name: "a module", doc: "A module: an operation made of nodes.",
		one: []string{"output", "outputs"}, keys: []keyDecl{
			{name: "doc", value: "note", doc: "what it computes"},
			{name: "example", value: "note", doc: "YAML that shows how it is used"},
			{name: "override", value: "bool", doc: "whether it replaces the standard library's module of that name", fallback: "false"},
			{name: "path", value: "name", doc: "what its calls inside of expressions are called in paths", more: "the name that they call it by if absent"},
			{name: "widen", value: "bool", doc: "whether f16 and bf16 are computed in f32 inside, and the result is rounded once", fallback: "false"},
			{name: "inputs", value: "inputs", doc: "inputs by name with their types, whose dimensions may be symbolic"},
			{name: "args", value: "args", doc: "arguments by name: a kind (int, float, bool, string, list, scalar, numbers), a default, or {type, default, doc}",
				more: "a kind alone makes the argument required"},
			{name: "require", value: "requirements", doc: "what must hold of arguments and dimensions",
				more: "each as a sentence and the condition that it stands for"},
			{name: "params", value: "params", doc: "parameters by name"},
			{name: "state", value: "states", doc: "states by name with their initial values", more: "or the long form"},
			{name: "nodes", value: "nodes", doc: "nodes by name"},
			{name: "update", value: "nodes", doc: "what a step writes into the states, and nodes on the way there"},
			{name: "output", value: "expression", doc: "the value of a call"},
			{name: "outputs", value: "names", doc: "the values of a call, taken as call.name", more: "instead of `output`"},
		}}
	optimizerSection = &section{name: "an optimizer", doc: "An optimizer: a module without inputs, applied to each parameter.", keys: []keyDecl{
		{name: "doc", value: "note", doc: "what it computes"},
		{name: "example", value: "note", doc: "YAML that shows how it is used"},
		{name: "override", value: "bool", doc: "whether it replaces the standard library's optimizer of that name", fallback: "false"},
		{name: "args", value: "args", doc: "arguments by name: a kind, a default, or {type, default, doc}", more: "as for modules"},
		{name: "state", value: "states", doc: "states by name with their initial values, kept per parameter", more: "`optimizer.h1.weight.velocity`"},
		{name: "update", value: "nodes", doc: "what a step writes into the states and into param, and nodes on the way there", required: true},
	}}
	argSection = &section{name: "an argument", doc: "An argument of a module.", keys: []keyDecl{
		{name: "type", value: "arg type", doc: "int, float, bool, string, list, scalar or numbers",
			more: "a `scalar` is a number or a tensor without dimensions; `numbers` are a list of numbers, or one, which is taken for a list", required: true},
		{name: "default", value: "expression", doc: "its value where a call gives none",
			more: "it sees the arguments above it and the symbolic dimensions"},
		{name: "min", value: "constant", doc: "the smallest value allowed"},
		{name: "max", value: "constant", doc: "the largest value allowed"},
		{name: "values", value: "constants", doc: "of a string: the values allowed"},
		{name: "length", value: "length", doc: "of a list or numbers: how many elements there must be"},
		{name: "nil", value: "bool", doc: "whether it can be nil; not if absent"},
		{name: "doc", value: "note", doc: "what it means"},
	}}
	paramSection = &section{name: "a parameter", doc: "A parameter of a module.", keys: []keyDecl{
		{name: "shape", value: "shape", doc: "its dimensions", required: true},
		{name: "init", value: "expression", doc: "its first value: a number, or an expression of that shape",
			more: "random operations need no `shape` here", required: true},
		{name: "when", value: "expression", doc: "a condition known at compile time; without it there is no parameter",
			more: "and using it is an error", fallback: "true"},
		{name: "doc", value: "note", doc: "what it means"},
	}}
	stateSection = &section{name: "a state", doc: "A state of a module.", keys: []keyDecl{
		{name: "init", value: "expression", doc: "its first value, which also gives its type",
			more: "it sees parameters, and inputs as far as only their types matter (`zeros_like(x)`)", required: true},
		{name: "when", value: "expression", doc: "a condition known at compile time; without it there is no state",
			more: "and using it is an error", fallback: "true"},
		{name: "doc", value: "note", doc: "what it means"},
	}}
	ifSection = &section{name: "an if", doc: "A choice made at compile time.", keys: []keyDecl{
		{name: "if", value: "expression", doc: "the condition", more: "known at compile time", required: true},
		{name: "then", value: "node", doc: "the node if it holds", required: true},
		{name: "else", value: "node", doc: "the node if it doesn't", required: true},
	}}
	placementSection = &section{name: "placement", doc: "Where things run.", keys: []keyDecl{
		{name: "default", value: "place", doc: "auto, or a device", fallback: "auto"},
		{name: "rules", value: "rules", doc: "a list of {match, device} and {match, prefer}"},
	}}
	ruleSection = &section{name: "a placement rule", doc: "A rule: device binds, prefer wishes; later rules override earlier ones.",
		one: []string{"device", "prefer"}, keys: []keyDecl{
			{name: "match", value: "text", doc: "a path of nodes and states, in which * stands for any text", required: true},
			{name: "device", value: "device", doc: "where they must run"},
			{name: "prefer", value: "device", doc: "where they should run", more: "if possible"},
		}}
	// nodeSection holds the keys that mean something on every mapping node,
	// beside the operation and its arguments; `if` makes the node a choice.
	nodeSection = &section{name: "a mapping node", doc: "An operation or module with its inputs and its arguments.", keys: []keyDecl{
		{name: "device", value: "device", doc: "where the node must run", more: "parameters included"},
		{name: "repeat", value: "expression", doc: "how many times a module stands in a row",
			more: "an int of at least 1, known at compile time; each takes the one before as its first input"},
		{name: "dtype", value: "dtype", doc: "of a module: the dtype of its parameters, f16, bf16, f32 or f64; inherit is that of the node around it, in the model f32",
			more: "operations with an argument `dtype` take it as that", fallback: inherit},
		{name: "name", value: "text", doc: "of a module: the path of its parameters, instead of the node's name", more: "as weight files write it: `net.0`"},
		{name: "trainable", value: "bool", doc: "of a module: whether its parameters are trained", fallback: "true"},
	}}
)

// homes tells in which sections a key is at home, for keys in the wrong place.
var homes = map[string][]string{}

func init() {
	for _, s := range []*section{rootSection, modelSection, trainSection, placementSection, moduleSection} {
		for _, k := range s.keys {
			homes[k.name] = append(homes[k.name], s.name)
		}
	}
}

// Fallbacks as numbers: of train.log_every, and of checkpoint.keep.
const (
	defaultLogEvery = 100
	defaultKeep     = 3
)

// version is the language's.
const version = 1
