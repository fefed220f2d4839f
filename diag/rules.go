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

// add declares a lint rule; so none is without its row.
func add(name Rule, severity Severity, doc string) Rule {
	if _, taken := rules[name]; taken {
		panic("diag: two lint rules are called " + string(name))
	}
	rules[name] = ruleInfo{severity, doc}
	return name
}

// The lint rules about the text itself.
var (
	Unreadable        = add("unreadable", Error, "the file can't be read")
	TooLarge          = add("too-large", Error, "a spec is at most 8 MiB and 100,000 entries long")
	TooDeep           = add("too-deep", Error, "collections are nested at most 64 deep")
	TooManyProblems   = add("too-many-problems", Error, "a run reports at most 200 problems")
	InvalidText       = add("invalid-text", Error, "a spec is UTF-8 text without control characters")
	YAMLSyntax        = add("yaml-syntax", Error, "the text isn't YAML")
	YAMLTag           = add("yaml-tag", Error, "tags (!!str, !mine) have no meaning in a spec")
	MergeKey          = add("merge-key", Error, "merge keys (<<) hide what a mapping holds")
	AnchoredKey       = add("anchored-key", Error, "keys can't have anchors or be aliases")
	NonStringKey      = add("non-string-key", Error, "keys are strings")
	DuplicateKey      = add("duplicate-key", Error, "a key stands once in its mapping")
	OctalNumber       = add("octal-number", Warning, "010 is ten here, and eight to some other readers")
	AliasBomb         = add("alias-bomb", Error, "aliases may multiply the text to at most 100,000 entries")
	AliasCycle        = add("alias-cycle", Error, "an alias stands inside of what it refers to")
	MultipleDocuments = add("multiple-documents", Error, "a file holds one document")
	QuoteExpression   = add("quote-expression", Error, "an expression must be quoted where YAML would cut it up")
)

// About the structure of a spec.
var (
	UnsupportedVersion = add("unsupported-version", Error, "the spec is written in a version of the language that this flowrun doesn't know")
	UnknownKey         = add("unknown-key", Error, "a section has the keys of its reference and no others")
	MissingKey         = add("missing-key", Error, "a required key is missing")
	WrongType          = add("wrong-type", Error, "a key's value has the wrong YAML type")
	InvalidValue       = add("invalid-value", Error, "a value is out of its range or not one of those allowed")
	InvalidName        = add("invalid-name", Error, "names are letters, digits and _, and don't begin with a digit")
	ReservedName       = add("reserved-name", Error, "the name has a meaning of its own")
	DuplicateName      = add("duplicate-name", Error, "two things have the same name")
	PathOutside        = add("path-outside", Error, "files are read inside the spec's folder only, unless allowed")
	UnknownVar         = add("unknown-var", Error, "a --set names no var of the spec")
	UnknownSource      = add("unknown-source", Error, "train.data names no source of the spec")
	UnboundInput       = add("unbound-input", Error, "no field of the data has the name of a model input")
	UnboundDimension   = add("unbound-dimension", Error, "nothing gives a symbolic dimension its size")
	EndlessTraining    = add("endless-training", Error, "training needs until or max_steps")
	RecursiveModule    = add("recursive-module", Error, "a module can't contain itself")
	ShadowedModule     = add("shadowed-module", Error, "a module of the standard library is replaced only with override: true")
	Cycle              = add("cycle", Error, "a node can't depend on itself, nor a file import itself")
	GraphTooLarge      = add("graph-too-large", Error, "`repeat` is at most 100,000, and modules are nested at most 100 deep")
	OverBudget         = add("over-budget", Error, "what the check of a spec may cost is bounded")
)

// About expressions.
var (
	ExpressionSyntax    = add("expression-syntax", Error, "the expression can't be parsed")
	ExpressionTooLarge  = add("expression-too-large", Error, "an expression is at most 16 KiB long and 100 brackets deep")
	ForeignSyntax       = add("foreign-syntax", Error, "the construct exists in other languages, not in this one")
	AmbiguousExpression = add("ambiguous-expression", Error, "the expression means something else than it seems to; parentheses make it clear")
	UnknownName         = add("unknown-name", Error, "no such name is visible here")
	UnknownFunction     = add("unknown-function", Error, "no operation or module has that name")
	UnknownArgument     = add("unknown-argument", Error, "the operation or module has no such argument")
	DuplicateArgument   = add("duplicate-argument", Error, "an argument is given twice")
	MissingArgument     = add("missing-argument", Error, "a required argument is missing")
	TooManyArguments    = add("too-many-arguments", Error, "more arguments than the operation or module takes")
	InvalidArgument     = add("invalid-argument", Error, "an argument has a value that isn't allowed")
	InvalidOperation    = add("invalid-operation", Error, "an operator can't be applied to these values")
	IntegerOverflow     = add("integer-overflow", Error, "compile-time integers have 64 bits")
	NotCompileTime      = add("not-compile-time", Error, "the place needs a value known at compile time")
	AbsentParameter     = add("absent-parameter", Error, "a parameter is used whose `when` is false")
	ShapeMismatch       = add("shape-mismatch", Error, "shapes of operands don't fit together")
	TypeMismatch        = add("type-mismatch", Error, "a tensor has another type than the place asks for")
	NotDifferentiable   = add("not-differentiable", Error, "a gradient is asked for that doesn't exist")
)

// About what is around a spec: files that it names, and devices. Only checks that are
// asked to look there report them.
var (
	UnfitFile   = add("unfit-file", Error, "a file that the spec names isn't there, or isn't as the spec says")
	NoDevice    = add("no-device", Error, "a device that the spec needs isn't there")
	NoKernel    = add("no-kernel", Error, "an operation has no kernel for its dtypes on its device")
	OutOfMemory = add("out-of-memory", Error, "a program needs no more memory than its devices have")
)

// That only warn.
var (
	UnusedVar      = add("unused-var", Warning, "nothing uses the var")
	UnusedNode     = add("unused-node", Warning, "nothing needs the node")
	UnusedSource   = add("unused-source", Warning, "nothing reads the data source")
	UnusedModule   = add("unused-module", Warning, "nothing calls the module")
	UnmatchedRule  = add("unmatched-rule", Warning, "a placement rule matches nothing")
	UnexpandedPath = add("unexpanded-path", Warning, "nothing expands ~ or a variable in a path")
	NoGradient     = add("no-gradient", Warning, "the loss doesn't depend on a parameter, so it isn't trained")
	FileFormat     = add("file-format", Warning, "tensors are read from safetensors files")
	InvalidIgnore  = add("invalid-ignore", Warning, "a flowrun:ignore names one rule that warns, and a reason")
	UnusedIgnore   = add("unused-ignore", Warning, "a flowrun:ignore accepts a warning that isn't there")
)

// Doc says in one line what the lint rule is about; "" for a name that is none.
func (r Rule) Doc() string { return rules[r].doc }

// Severity is the severity of every diagnostic of the lint rule.
func (r Rule) Severity() Severity { return rules[r].severity }

// Rules lists all lint rules by name.
func Rules() []Rule { return slices.Sorted(maps.Keys(rules)) }
