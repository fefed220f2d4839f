package diag

import (
	"maps"
	"slices"
)

// Rule is a lint rule: the stable name, in kebab case, of a kind of problem.
type Rule string

// rules has the severity and the one-line doc of every lint rule.
var rules = map[Rule]ruleInfo{}

type ruleInfo struct {
	severity Severity
	doc      string
}

// add declares a lint rule, so that none is without a row.
func add(name Rule, severity Severity, doc string) Rule {
	if _, taken := rules[name]; taken {
		panic("diag: two lint rules are called " + string(name))
	}
	rules[name] = ruleInfo{severity, doc}
	return name
}

// Lint rules about the text.
var (
	Unreadable        = add("unreadable", Error, "the file can't be read")
	TooLarge          = add("too-large", Error, "a spec is at most 8 MiB and 100,000 entries long")
	TooDeep           = add("too-deep", Error, "collections may be nested at most 64 deep")
	TooManyProblems   = add("too-many-problems", Error, "a run reports at most 200 problems")
	InvalidText       = add("invalid-text", Error, "a spec is UTF-8 text without control characters")
	YAMLSyntax        = add("yaml-syntax", Error, "the text isn't YAML")
	YAMLTag           = add("yaml-tag", Error, "tags (!!str, !mine) have no meaning in a spec")
	MergeKey          = add("merge-key", Error, "merge keys (<<) hide the contents of a mapping")
	AnchoredKey       = add("anchored-key", Error, "keys can't have anchors or be aliases")
	NonStringKey      = add("non-string-key", Error, "keys must be strings")
	DuplicateKey      = add("duplicate-key", Error, "a key may appear only once in a mapping")
	OctalNumber       = add("octal-number", Warning, "010 is ten here, but eight to some YAML parsers")
	AliasBomb         = add("alias-bomb", Error, "aliases may expand to at most 100,000 entries")
	AliasCycle        = add("alias-cycle", Error, "an alias is inside the value it refers to")
	MultipleDocuments = add("multiple-documents", Error, "a file contains exactly one document")
	QuoteExpression   = add("quote-expression", Error, "an expression with characters special to YAML must be quoted")
)

// Lint rules about the structure of a spec.
var (
	UnsupportedVersion = add("unsupported-version", Error, "this flowrun doesn't support the spec's version of the language")
	UnknownKey         = add("unknown-key", Error, "a section has no such key")
	MissingKey         = add("missing-key", Error, "a required key is missing")
	WrongType          = add("wrong-type", Error, "a key's value has the wrong YAML type")
	InvalidValue       = add("invalid-value", Error, "a value is out of range or not one of those allowed")
	InvalidName        = add("invalid-name", Error, "names consist of letters, digits and _, and don't begin with a digit")
	ReservedName       = add("reserved-name", Error, "the name already has a meaning")
	DuplicateName      = add("duplicate-name", Error, "two things have the same name")
	PathOutside        = add("path-outside", Error, "files are read only inside the spec's folder, unless allowed")
	UnknownVar         = add("unknown-var", Error, "--set names a var that the spec doesn't have")
	UnknownSource      = add("unknown-source", Error, "there is no such data source, or no such part of it")
	UnboundInput       = add("unbound-input", Error, "no data field has the name of a model input")
	UnboundDimension   = add("unbound-dimension", Error, "a symbolic dimension has no size")
	EndlessTraining    = add("endless-training", Error, "training has no stop condition")
	RecursiveModule    = add("recursive-module", Error, "a module can't contain itself")
	ShadowedModule     = add("shadowed-module", Error, "replacing a standard module requires override: true")
	Cycle              = add("cycle", Error, "nodes or imports form a cycle")
	GraphTooLarge      = add("graph-too-large", Error, "`repeat` is at most 100,000, and modules may be nested at most 100 deep")
	OverBudget         = add("over-budget", Error, "checking the spec exceeds the budget")
)

// Lint rules about expressions.
var (
	ExpressionSyntax    = add("expression-syntax", Error, "the expression can't be parsed")
	ExpressionTooLarge  = add("expression-too-large", Error, "an expression is at most 16 KiB long, with brackets at most 100 deep")
	ForeignSyntax       = add("foreign-syntax", Error, "the construct belongs to another language")
	AmbiguousExpression = add("ambiguous-expression", Error, "the expression is ambiguous to readers and needs parentheses")
	UnknownName         = add("unknown-name", Error, "the name isn't defined here")
	UnknownFunction     = add("unknown-function", Error, "no operation or module has this name")
	UnknownArgument     = add("unknown-argument", Error, "the operation or module has no such argument")
	DuplicateArgument   = add("duplicate-argument", Error, "an argument is given twice")
	MissingArgument     = add("missing-argument", Error, "a required argument is missing")
	TooManyArguments    = add("too-many-arguments", Error, "there are more arguments than the operation or module accepts")
	InvalidArgument     = add("invalid-argument", Error, "an argument has a value that isn't allowed")
	InvalidOperation    = add("invalid-operation", Error, "an operator isn't defined for these values")
	IntegerOverflow     = add("integer-overflow", Error, "a compile-time integer doesn't fit in 64 bits")
	NotCompileTime      = add("not-compile-time", Error, "the value must be known at compile time")
	AbsentParameter     = add("absent-parameter", Error, "a parameter is used although its `when` is false")
	ShapeMismatch       = add("shape-mismatch", Error, "the shapes of the operands are incompatible")
	TypeMismatch        = add("type-mismatch", Error, "a tensor has the wrong dtype or number of dimensions")
	NotDifferentiable   = add("not-differentiable", Error, "the requested gradient doesn't exist")
)

// Lint rules about the environment of a spec: the files that it names, and devices. They
// are reported only by checks that look there.
var (
	UnfitFile   = add("unfit-file", Error, "a file that the spec names is missing or doesn't match the spec")
	NoDevice    = add("no-device", Error, "a device that the spec requires isn't available")
	NoKernel    = add("no-kernel", Error, "an operation has no kernel for its dtypes on its device")
	OutOfMemory = add("out-of-memory", Error, "the program needs more memory than its devices have")
)

// Lint rules that are only warnings.
var (
	UnusedVar      = add("unused-var", Warning, "nothing uses the var")
	UnusedNode     = add("unused-node", Warning, "nothing needs the node")
	UnusedSource   = add("unused-source", Warning, "nothing reads the data source")
	UnusedModule   = add("unused-module", Warning, "nothing calls the module")
	UnmatchedRule  = add("unmatched-rule", Warning, "a placement rule matches nothing")
	UnexpandedPath = add("unexpanded-path", Warning, "~ and variables aren't expanded in paths")
	BatchMetric    = add("batch-metric", Warning, "a metric has a value for each example of the batch")
	NoGradient     = add("no-gradient", Warning, "the loss doesn't depend on a parameter, so the parameter isn't trained")
	FileFormat     = add("file-format", Warning, "tensors are read only from safetensors files")
	InvalidIgnore  = add("invalid-ignore", Warning, "a flowrun:ignore comment needs the name of one warning and a reason")
	UnusedIgnore   = add("unused-ignore", Warning, "a flowrun:ignore comment suppresses no warning")
)

// Doc describes the lint rule in one line; it is "" if there is no such rule.
func (r Rule) Doc() string { return rules[r].doc }

// Severity is the severity of every diagnostic of the lint rule.
func (r Rule) Severity() Severity { return rules[r].severity }

// Rules lists all lint rules, sorted by name.
func Rules() []Rule { return slices.Sorted(maps.Keys(rules)) }
