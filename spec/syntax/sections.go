package syntax

// The sections of a spec with their keys. The decoder checks against these tables and nothing
// else; the JSON Schema and the tables of docs/language.md are generated from them.

// Section is a mapping with a closed set of keys.
type Section struct {
	name string // how messages call it
	Doc  string
	Keys []Key
	One  []string // exactly one of these keys must be given

	Needs   map[string]string   // a key, and another that must be beside it
	Without map[string][]string // a key, and others that can't be beside it

	Others string // the form of keys that aren't listed, which the decoder checks; "" if there are none

	elsewhere map[string]string // keys that sections of the same thing in other forms have, and what to say of them
}

type Key struct {
	Name     string
	doc      string // in a few words; messages say it too
	more     string // what the reference adds
	Value    string // what it takes: a name in forms
	Required bool
	Default  string // what an absent key means, as a spec would write it
	Aside    bool   // it doesn't change what a step computes
	Unsaid   bool   // its default holds only where the key has a meaning, so it isn't written out
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
		{Name: "flowrun", Value: "version", doc: "the language version, 1", Required: true},
		{Name: "name", Value: "text", doc: "the name of the experiment; by default the file name without its extension"},
		{Name: "seed", Value: "int", doc: "the seed of all random numbers", more: "`--seed` overrides it", Default: "0"},
		{Name: "imports", Value: "imports", doc: "files to import modules and optimizers from"},
		{Name: "vars", Value: "vars", doc: "constants: a name and its value, or {value, type, min, max, doc}"},
		{Name: "data", Value: "sources", doc: "data sources by name"},
		{Name: "modules", Value: "modules", doc: "the spec's own modules by name"},
		{Name: "optimizers", Value: "optimizers", doc: "the spec's own optimizers by name"},
		{Name: "model", Value: "model", doc: "inputs, nodes and outputs", Required: true},
		{Name: "train", Value: "train", doc: "how to train; without it, only inference is possible"},
		{Name: "generate", Value: "generate", doc: "how to generate text with the model", Aside: true},
		{Name: "placement", Value: "placement", doc: "the devices that nodes and states are placed on"},
	}}
	importSection = &Section{name: "an import", Doc: "A file, and which of its modules and optimizers.", Keys: []Key{
		{Name: "from", Value: "file", doc: "the file", more: "relative to the importing file", Required: true},
		{Name: "names", Value: "import names", doc: "the names to import: [Block], or {Block: NewName}", more: "by default all that the file defines"},
	}}
	LibrarySection = &Section{name: "a file of modules", Doc: "A file that specs import.", Keys: []Key{
		{Name: "flowrun", Value: "version", doc: "the language version, 1", Required: true},
		{Name: "imports", Value: "imports", doc: "files to import modules and optimizers from", more: "imports are not re-exported"},
		{Name: "modules", Value: "modules", doc: "modules by name"},
		{Name: "optimizers", Value: "optimizers", doc: "optimizers by name"},
	}}
	varSection = &Section{name: "a var", Doc: "A var with a declared type.", Keys: []Key{
		{Name: "value", Value: "constant", doc: "its value", Required: true},
		{Name: "type", Value: "var type", doc: "int, float, bool, string or list", more: "ints are converted to float"},
		{Name: "min", Value: "constant", doc: "the smallest value allowed"},
		{Name: "max", Value: "constant", doc: "the largest value allowed"},
		{Name: "doc", Value: "note", doc: "what it is for"},
	}}
	modelSection = &Section{name: "model", Doc: "The model.", Keys: []Key{
		{Name: "inputs", Value: "inputs", doc: "inputs by name with their types", more: "a model may have none"},
		{Name: "nodes", Value: "model nodes", doc: "nodes by name", Required: true},
		{Name: "outputs", Value: "names", doc: "the model's results", more: "names of nodes or inputs", Required: true},
		{Name: "precision", Value: "precision", doc: "the dtype that products are computed in", more: "parameters stay in f32; by default f32; see [below](#precision)"},
		{Name: "labels", Value: "labels", doc: "fields whose classes outputs are about, {OUTPUT: FIELD}", more: "an output holds their ids, or in its last dimension a number for each", Aside: true},
		{Name: "init", Value: "init", doc: "a file of weights that the model begins with, where neither `--weights` nor `train.init` gives others", Aside: true},
	}}
	groupSection = &Section{name: "a group of parameters", Doc: "A group of parameters; the first matching group applies.",
		Others: "expression", Keys: []Key{
			{Name: "match", Value: "text", doc: "a pattern for parameter names; * matches any text", Required: true},
			{Name: "frozen", Value: "bool", doc: "whether the parameters are excluded from training", Default: "false"},
			{Name: "optimizer", Value: "optimizer call", doc: "an optimizer of their own", more: "by default the update's, with the arguments that the group gives"},
		}}
	initSection = &Section{name: "init", Doc: "A file of weights: a safetensors file, a checkpoint, or the index of several files.", Keys: []Key{
		{Name: "safetensors", Value: "text", doc: "the file; `{var}` in it is replaced by a var's string", more: "it has all parameters and buffers, and nothing else, unless a key below says otherwise", Required: true},
		{Name: "partial", Value: "bool", doc: "whether the file may lack parameters, which keep their initial values, and have other tensors", Default: "false"},
		{Name: "match", Value: "patterns", doc: "the parameters to take; others keep their initial values, and what else the file has is left"},
		{Name: "ignore", Value: "patterns", doc: "tensors of the file that aren't wanted"},
		{Name: "rename", Value: "renames", doc: "parameters by tensors of the file; a `*` on the right stands for what the one on the left matches", more: "a list for several parameters; the first that fits a tensor is used"},
		{Name: "average", Value: "name", doc: "one of the averages that a checkpoint has (`train.averages`), taken instead of the weights themselves"},
		{Name: "forget", Value: "patterns", doc: "fields whose classes, means and fill values aren't taken from the file but learned anew", more: "patterns of names of fields, such as the labels of a head that isn't taken"},
	}}
	evalSection = &Section{name: "eval", Doc: "Metrics on other data.", Keys: []Key{
		{Name: "data", Value: "text", doc: "the data source, or a part of it: SOURCE.PART", more: "may be the same as train.data", Required: true},
		{Name: "every", Value: "interval", doc: "steps between evaluations, or `epoch`", Required: true},
		{Name: "metrics", Value: "nodes", doc: "metrics by name", more: "shown as `eval.NAME`", Required: true},
		{Name: "weights", Value: "name", doc: "one of `averages`, whose weights are evaluated", more: "by default those of the step"},
		{Name: "batches", Value: "count", doc: "the number of batches to average metrics over", more: "by default all of the data source, or 1 of generated data"},
	}}
	earlyStopSection = &Section{name: "early_stop", Doc: "Ends the run when a metric no longer improves.", Keys: []Key{
		{Name: "metric", Value: "text", doc: "the metric: NAME, or eval.NAME", Required: true},
		{Name: "patience", Value: "count", doc: "the number of steps without improvement after which the run ends", Required: true},
		{Name: "mode", Value: "mode", doc: "min if smaller is better, max if larger is", Default: "min"},
		{Name: "min_delta", Value: "delta", doc: "the smallest change that counts as an improvement", Default: "0"},
	}}
	checkpointSection = &Section{name: "checkpoint", Doc: "When to save checkpoints, from which a run can be resumed.", Keys: []Key{
		{Name: "every", Value: "interval", doc: "steps between checkpoints, or `epoch`", Required: true},
		{Name: "keep", Value: "count", doc: "the number of latest checkpoints to keep", Default: "3"},
		{Name: "best", Value: "best", doc: "also keep the best checkpoint by a metric: {metric, mode}"},
		{Name: "dir", Value: "text", doc: "the folder, inside the spec's folder", Default: "checkpoints"},
	}}
	bestSection = &Section{name: "best", Doc: "Which checkpoint is the best.", Keys: []Key{
		{Name: "metric", Value: "text", doc: "the metric: NAME, or eval.NAME", Required: true},
		{Name: "mode", Value: "mode", doc: "min if smaller is better, max if larger is", Default: "min"},
	}}
	moduleSection = &Section{name: "a module", Doc: "A module: an operation made of nodes.",
		One: []string{"output", "outputs"}, Keys: []Key{
			{Name: "doc", Value: "note", doc: "what it computes"},
			{Name: "example", Value: "note", doc: "an example of its use, in YAML"},
			{Name: "override", Value: "bool", doc: "whether it replaces the standard library's module of that name", Default: "false"},
			{Name: "path", Value: "name", doc: "the name in paths for calls inside expressions", more: "by default the name it is called by"},
			{Name: "widen", Value: "bool", doc: "whether to compute f16 and bf16 in f32 internally and round the result once", Default: "false"},
			{Name: "precision", Value: "precision", doc: "the dtype that it computes in, whatever the precision of a call", more: "losses and norms have f32; by default that of the call"},
			{Name: "accumulate", Value: "bool", doc: "whether its states gather what the batches of an evaluation give", more: "by default not"},
			{Name: "inputs", Value: "inputs", doc: "inputs by name with their types, whose dimensions may be symbolic"},
			{Name: "args", Value: "args", doc: "arguments by name: a kind (int, float, bool, string, list, scalar, numbers, tensor), a default, or {type, default, doc}",
				more: "an argument with only a kind is required"},
			{Name: "require", Value: "requirements", doc: "conditions on arguments and dimensions",
				more: "each as a sentence and an expression"},
			{Name: "params", Value: "params", doc: "parameters by name"},
			{Name: "state", Value: "states", doc: "states by name with their initial values", more: "or the long form"},
			{Name: "carry", Value: "carries", doc: "what goes from one position of a [scan](#scan) to the next, by name, with initial values", more: "or the long form"},
			{Name: "nodes", Value: "nodes", doc: "nodes by name"},
			{Name: "update", Value: "nodes", doc: "the new values of states and carries, and nodes to compute them"},
			{Name: "output", Value: "expression", doc: "the value of a call"},
			{Name: "outputs", Value: "names", doc: "the values of a call, accessed as call.name", more: "instead of `output`"},
		}}
	optimizerSection = &Section{name: "an optimizer", Doc: "An optimizer: a module without inputs, applied to each parameter.", Keys: []Key{
		{Name: "doc", Value: "note", doc: "what it computes"},
		{Name: "example", Value: "note", doc: "an example of its use, in YAML"},
		{Name: "override", Value: "bool", doc: "whether it replaces the standard library's optimizer of that name", Default: "false"},
		{Name: "args", Value: "args", doc: "arguments by name: a kind, a default, or {type, default, doc}", more: "as for modules"},
		{Name: "require", Value: "requirements", doc: "conditions on arguments and on the parameter's `shape`", more: "each as a sentence and an expression"},
		{Name: "state", Value: "states", doc: "states by name with their initial values, kept per parameter", more: "`optimizer.h1.weight.velocity`"},
		{Name: "update", Value: "nodes", doc: "the new values of states and of param, and nodes to compute them", Required: true},
	}}
	argSection = &Section{name: "an argument", Doc: "An argument of a module.", Keys: []Key{
		{Name: "type", Value: "arg type", doc: "int, float, bool, string, list, scalar, numbers or tensor",
			more: "a `scalar` is a number or a tensor without dimensions; `numbers` is a list of numbers, or one number, which is converted to a list; a `tensor` is one of any type, of which compile-time contexts know whether it is nil", Required: true},
		{Name: "default", Value: "expression", doc: "the value if a call omits the argument",
			more: "it can use the arguments above it and symbolic dimensions"},
		{Name: "min", Value: "constant", doc: "the smallest value allowed"},
		{Name: "max", Value: "constant", doc: "the largest value allowed"},
		{Name: "values", Value: "constants", doc: "of a string: the allowed values; of numbers: the words that can be given instead"},
		{Name: "length", Value: "length", doc: "of a list or numbers: the required number of elements"},
		{Name: "nil", Value: "bool", doc: "whether nil is allowed, of numbers also in a list; by default only for a `tensor` whose default is nil"},
		{Name: "doc", Value: "note", doc: "a description"},
	}}
	paramSection = &Section{name: "a parameter", Doc: "A parameter of a module.", Keys: []Key{
		{Name: "shape", Value: "shape", doc: "its dimensions", Required: true},
		{Name: "init", Value: "expression", doc: "its initial value, a number or an expression of that shape",
			more: "random operations can omit `shape` here", Required: true},
		{Name: "when", Value: "expression", doc: "a compile-time condition; if false, the parameter does not exist",
			more: "and using it is an error", Default: "true"},
		{Name: "name", Value: "text", doc: "its name in paths and weight files, instead of its own",
			more: "`{layer}` in it stands for the value of the argument layer, and `..` before it for the path of the call around this one: `..weight_l{layer}`"},
		{Name: "doc", Value: "note", doc: "a description"},
	}}
	stateSection = &Section{name: "a state", Doc: "A state of a module.", Keys: []Key{
		{Name: "init", Value: "expression", doc: "its initial value, which also determines its type",
			more: "it can use parameters, and inputs only for their types (`zeros_like(x)`)", Required: true},
		{Name: "when", Value: "expression", doc: "a compile-time condition; if false, the state does not exist",
			more: "and using it is an error", Default: "true"},
		{Name: "generation", Value: "bool", doc: "whether it exists only where text is generated step by step (`generating`)",
			more: "each step of a generation writes it; training, evaluation and inference don't have it", Default: "false"},
		{Name: "doc", Value: "note", doc: "a description"},
	}}
	carrySection = &Section{name: "a carry", Doc: "What goes from one position of a scan to the next.", Keys: []Key{
		{Name: "init", Value: "expression", doc: "its value before the first position, which also determines its type",
			more: "it can use parameters and inputs, those that are scanned only for their types (`zeros_like(x)`)", Required: true},
		{Name: "when", Value: "expression", doc: "a compile-time condition; if false, the carry does not exist",
			more: "and using it is an error", Default: "true"},
		{Name: "doc", Value: "note", doc: "a description"},
	}}
	scanSection = &Section{name: "a scan", Doc: "How a module is applied along a dimension.", Keys: []Key{
		{Name: "dim", Value: "expression", doc: "the dim that inputs are taken apart along, and outputs put together", more: "known at compile time; it may be negative", Required: true},
		{Name: "over", Value: "some names", doc: "the inputs that are taken apart, a name or a list", more: "by default the first; the others are the same at each position"},
		{Name: "reverse", Value: "expression", doc: "whether to go from the last position to the first", more: "outputs stay at their positions", Default: "false"},
		{Name: "generation", Value: "expression", doc: "whether carries go on where text is generated step by step", more: "each step begins with what the one before ended with", Default: "false"},
		{Name: "last", Value: "last outputs", doc: "the outputs of which only the last value is kept, a name or a list", more: "or `true` for all; by default none"},
	}}
	IfSection = &Section{name: "an if", Doc: "A choice made at compile time.", Keys: []Key{
		{Name: "if", Value: "expression", doc: "the condition", more: "known at compile time", Required: true},
		{Name: "then", Value: "node", doc: "the node if the condition is true", Required: true},
		{Name: "else", Value: "node", doc: "the node if the condition is false", Required: true},
	}}
	PlacementSection = &Section{name: "placement", Doc: "Which devices nodes and states are placed on.", Keys: []Key{
		{Name: "default", Value: "default device", doc: "auto, or a device", Default: "auto"},
		{Name: "rules", Value: "rules", doc: "a list of {match, device} and {match, prefer}"},
	}}
	ruleSection = &Section{name: "a placement rule", Doc: "A rule: device requires, prefer requests; later rules override earlier ones.",
		One: []string{"device", "prefer"}, Keys: []Key{
			{Name: "match", Value: "text", doc: "a pattern for paths of nodes and states; * matches any text", Required: true},
			{Name: "device", Value: "device", doc: "the required device"},
			{Name: "prefer", Value: "device", doc: "the preferred device", more: "used if possible"},
		}}
	// NodeSection has the keys that any mapping node can have besides the operation and its
	// arguments; `if` makes the node a choice.
	NodeSection = &Section{name: "a mapping node", Doc: "An operation or module with its inputs and its arguments.", Keys: []Key{
		{Name: "device", Value: "device", doc: "the device that the node must run on", more: "including its parameters"},
		{Name: "repeat", Value: "expression", doc: "how many times to stack a module",
			more: "an int of at least 1, known at compile time; each takes the previous one's result as its first input, or several outputs as its first inputs"},
		{Name: "dtype", Value: "dtype", doc: "of a module: the dtype of its parameters: f16, bf16, f32, f64, or inherit, that of the enclosing node (f32 in the model)",
			more: "for an operation with an argument `dtype`, it is that argument", Default: Inherit},
		{Name: "name", Value: "text", doc: "of a module: the path of its parameters, instead of the node's name", more: "as in weight files: `net.0`"},
		{Name: "trainable", Value: "bool", doc: "of a module: whether its parameters are trained", Default: "true"},
		{Name: "precision", Value: "precision", doc: "the dtype that products are computed in", more: "`f32` within a model of lower precision; by default that of the enclosing node, or the model; see [below](#precision)"},
		{Name: "share", Value: "share", doc: "of a module: the node whose parameters and states it has, instead of its own", more: "or with `repeat`, `true`; or single parameters, {weight: tok.weight}; see [below](#sharing-parameters)"},
		{Name: "checkpoint_activations", Value: "recompute", doc: "of a module: whether its values are computed again in the backward pass instead of being kept", Default: "false",
			more: "or with `repeat`, {every: n}: n repetitions together; see [below](#recomputing-activations)"},
		{Name: "scan", Value: "scan", doc: "of a module: the dim along which it is applied, position by position", more: "or the long form; see [below](#scan)"},
	}}

	recomputeSection = &Section{name: "checkpoint_activations", Doc: "How many repetitions are computed again together.", Keys: []Key{
		{Name: "every", Value: "expression", Required: true, doc: "how many repetitions are computed again together, keeping what enters the first", more: "an int of at least 1, known at compile time"},
	}}
)

// homes lists the sections that have a key, for help with keys in the wrong section.
var homes = map[string][]string{}

func init() {
	for _, k := range trainKeys {
		TrainSection.Keys = append(TrainSection.Keys, k.Key)
	}
	for _, k := range joinKeys {
		if NodeSection.Key(k.Name) == nil {
			homes[k.Name] = append(homes[k.Name], SourceSection.name)
		}
	}
	for _, s := range []*Section{RootSection, modelSection, TrainSection, PlacementSection, GenerateSection, moduleSection} {
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
