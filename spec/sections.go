package spec

// The sections of a spec: which keys each has, what they mean, what they
// default to. The decoder checks against these tables and nothing else.

// section is a mapping with a closed set of keys.
type section struct {
	name string // how messages call it
	doc  string
	keys []keyDecl
}

type keyDecl struct {
	name     string
	doc      string
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
	rootSection = &section{"a spec", "The whole file.", []keyDecl{
		{name: "flowrun", doc: "the version of the language: 1", required: true},
		{name: "name", doc: "what the experiment is called; the file's name if absent"},
		{name: "seed", doc: "the seed of all random numbers", fallback: "0"},
		{name: "vars", doc: "constants: a name and its value, or {value, type, min, max, doc}"},
		{name: "data", doc: "data sources by name"},
		{name: "modules", doc: "the spec's own modules by name"},
		{name: "optimizers", doc: "the spec's own optimizers by name"},
		{name: "model", doc: "inputs, nodes and outputs", required: true},
		{name: "train", doc: "how to train; without it the spec can only be evaluated"},
		{name: "placement", doc: "where things run"},
	}}
	varSection = &section{"a var", "A var with a declared type.", []keyDecl{
		{name: "value", doc: "its value", required: true},
		{name: "type", doc: "int, float, bool, string or list"},
		{name: "min", doc: "the smallest value allowed"},
		{name: "max", doc: "the largest value allowed"},
		{name: "doc", doc: "what it is for"},
	}}
	sourceSection = &section{"a data source", "One of generate and replay.", []keyDecl{
		{name: "generate", doc: "nodes, evaluated anew at every step; each is a field"},
		{name: "replay", doc: "a safetensors file: row i of each tensor is the batch of step i"},
		{name: "fields", doc: "of a replay: the fields by name"},
	}}
	fieldSection = &section{"a field", "A field of a replay.", []keyDecl{
		{name: "tensor", doc: "the tensor's name in the file", required: true},
		{name: "type", doc: "the type of one batch", required: true},
	}}
	modelSection = &section{"model", "The model.", []keyDecl{
		{name: "inputs", doc: "inputs by name with their types"},
		{name: "nodes", doc: "nodes by name", required: true},
		{name: "outputs", doc: "the nodes that callers get", required: true},
	}}
	trainSection = &section{"train", "How to train.", []keyDecl{
		{name: "data", doc: "the data source that the batches come from"},
		{name: "loss", doc: "a floating scalar, to be made small", required: true},
		{name: "optimizer", doc: "an optimizer with its arguments: {SGD: {lr: 0.1}}", required: true},
		{name: "metrics", doc: "scalars by name, kept and logged"},
		{name: "until", doc: "the condition at which training ends, over metrics and step"},
		{name: "max_steps", doc: "how many steps at most", fallback: "unlimited"},
		{name: "log_every", doc: "steps between log lines", fallback: "100"},
	}}
	moduleSection = &section{"a module", "A module.", []keyDecl{
		{name: "doc", doc: "what it computes"},
		{name: "override", doc: "whether it replaces the standard library's module of that name", fallback: "false"},
		{name: "inputs", doc: "inputs by name with their types, whose dimensions may be symbolic"},
		{name: "args", doc: "arguments by name: a kind (int, float, bool, string, list, scalar), a default, or {type, default, doc}"},
		{name: "params", doc: "parameters by name"},
		{name: "state", doc: "states by name with their initial values"},
		{name: "nodes", doc: "nodes by name"},
		{name: "update", doc: "what a step writes into the states, and nodes on the way there"},
		{name: "output", doc: "the value of a call"},
		{name: "outputs", doc: "the values of a call, taken as call.name"},
	}}
	optimizerSection = &section{"an optimizer", "An optimizer.", []keyDecl{
		{name: "doc", doc: "what it computes"},
		{name: "override", doc: "whether it replaces the standard library's optimizer of that name", fallback: "false"},
		{name: "args", doc: "arguments by name: a kind, a default, or {type, default, doc}"},
		{name: "state", doc: "states by name with their initial values, kept per parameter"},
		{name: "update", doc: "what a step writes into the states and into param, and nodes on the way there", required: true},
	}}
	argSection = &section{"an argument", "An argument of a module.", []keyDecl{
		{name: "type", doc: "int, float, bool, string, list or scalar", required: true},
		{name: "default", doc: "its value where a call gives none"},
		{name: "doc", doc: "what it means"},
	}}
	paramSection = &section{"a parameter", "A parameter of a module.", []keyDecl{
		{name: "shape", doc: "its dimensions", required: true},
		{name: "init", doc: "its first value: a number, or an expression of that shape", required: true},
		{name: "when", doc: "a condition known at compile time; without it there is no parameter", fallback: "true"},
		{name: "doc", doc: "what it means"},
	}}
	stateSection = &section{"a state", "A state of a module.", []keyDecl{
		{name: "init", doc: "its first value, which also gives its type", required: true},
		{name: "when", doc: "a condition known at compile time; without it there is no state", fallback: "true"},
		{name: "doc", doc: "what it means"},
	}}
	ifSection = &section{"an if", "A choice made at compile time.", []keyDecl{
		{name: "if", doc: "the condition", required: true},
		{name: "then", doc: "the node if it holds", required: true},
		{name: "else", doc: "the node if it doesn't", required: true},
	}}
	placementSection = &section{"placement", "Where things run.", []keyDecl{
		{name: "default", doc: "auto, or a device", fallback: "auto"},
		{name: "rules", doc: "a list of {match, device} and {match, prefer}"},
	}}
	ruleSection = &section{"a placement rule", "A rule; later rules override earlier ones.", []keyDecl{
		{name: "match", doc: "a path of nodes and states, in which * stands for any text", required: true},
		{name: "device", doc: "where they must run"},
		{name: "prefer", doc: "where they should run"},
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

// defaultLogEvery is trainSection's fallback for log_every.
const defaultLogEvery = 100
