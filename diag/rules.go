package diag

import (
	"slices"
	"strings"
)

// Rule is the stable name of a kind of problem, in kebab case.
type Rule string

// The rules about the text itself.
const (
	Unreadable        Rule = "unreadable"
	TooLarge          Rule = "too-large"
	TooDeep           Rule = "too-deep"
	TooManyProblems   Rule = "too-many-problems"
	InvalidText       Rule = "invalid-text"
	YAMLSyntax        Rule = "yaml-syntax"
	YAMLTag           Rule = "yaml-tag"
	MergeKey          Rule = "merge-key"
	AnchoredKey       Rule = "anchored-key"
	NonStringKey      Rule = "non-string-key"
	DuplicateKey      Rule = "duplicate-key"
	OctalNumber       Rule = "octal-number"
	AliasBomb         Rule = "alias-bomb"
	AliasCycle        Rule = "alias-cycle"
	MultipleDocuments Rule = "multiple-documents"
	QuoteExpression   Rule = "quote-expression"
)

// The rules about the structure of a spec.
const (
	UnsupportedVersion Rule = "unsupported-version"
	UnknownKey         Rule = "unknown-key"
	MissingKey         Rule = "missing-key"
	WrongType          Rule = "wrong-type"
	InvalidValue       Rule = "invalid-value"
	InvalidName        Rule = "invalid-name"
	ReservedName       Rule = "reserved-name"
	DuplicateName      Rule = "duplicate-name"
	PathOutside        Rule = "path-outside"
	UnknownVar         Rule = "unknown-var"
	UnknownSource      Rule = "unknown-source"
	UnboundInput       Rule = "unbound-input"
	UnboundDimension   Rule = "unbound-dimension"
	EndlessTraining    Rule = "endless-training"
	RecursiveModule    Rule = "recursive-module"
	ShadowedModule     Rule = "shadowed-module"
	Cycle              Rule = "cycle"
	GraphTooLarge      Rule = "graph-too-large"
	OverBudget         Rule = "over-budget"
)

// The rules about expressions.
const (
	ExpressionSyntax    Rule = "expression-syntax"
	ExpressionTooLarge  Rule = "expression-too-large"
	ForeignSyntax       Rule = "foreign-syntax"
	AmbiguousExpression Rule = "ambiguous-expression"
	UnknownName         Rule = "unknown-name"
	UnknownFunction     Rule = "unknown-function"
	UnknownArgument     Rule = "unknown-argument"
	DuplicateArgument   Rule = "duplicate-argument"
	MissingArgument     Rule = "missing-argument"
	TooManyArguments    Rule = "too-many-arguments"
	InvalidArgument     Rule = "invalid-argument"
	InvalidOperation    Rule = "invalid-operation"
	IntegerOverflow     Rule = "integer-overflow"
	NotCompileTime      Rule = "not-compile-time"
	AbsentParameter     Rule = "absent-parameter"
	ShapeMismatch       Rule = "shape-mismatch"
	TypeMismatch        Rule = "type-mismatch"
	NotDifferentiable   Rule = "not-differentiable"
)

// The rules about what is around a spec: files that it names, and devices. Checks
// that were asked to look there break them.
const (
	UnfitFile   Rule = "unfit-file"
	NoDevice    Rule = "no-device"
	NoKernel    Rule = "no-kernel"
	OutOfMemory Rule = "out-of-memory"
)

// The rules that warn.
const (
	UnusedVar      Rule = "unused-var"
	UnusedNode     Rule = "unused-node"
	UnusedSource   Rule = "unused-source"
	UnusedModule   Rule = "unused-module"
	UnmatchedRule  Rule = "unmatched-rule"
	UnexpandedPath Rule = "unexpanded-path"
	NoGradient     Rule = "no-gradient"
	FileFormat     Rule = "file-format"
	InvalidIgnore  Rule = "invalid-ignore"
	UnusedIgnore   Rule = "unused-ignore"
)

var rules = map[Rule]string{
	Unreadable:        "the file can't be read",
	TooLarge:          "a spec is at most 8 MiB and 100,000 entries long",
	TooDeep:           "collections are nested at most 64 deep",
	TooManyProblems:   "a run reports at most 200 problems",
	InvalidText:       "a spec is UTF-8 text without control characters",
	YAMLSyntax:        "the text isn't YAML",
	YAMLTag:           "tags (!!str, !mine) have no meaning in a spec",
	MergeKey:          "merge keys (<<) hide what a mapping holds",
	AnchoredKey:       "keys can't have anchors or be aliases",
	NonStringKey:      "keys are strings",
	DuplicateKey:      "a key stands once in its mapping",
	OctalNumber:       "010 is ten here, and eight to some other readers",
	AliasBomb:         "aliases may multiply the text to at most 100,000 entries",
	AliasCycle:        "an alias stands inside of what it refers to",
	MultipleDocuments: "a file holds one document",
	QuoteExpression:   "an expression must be quoted where YAML would cut it up",

	UnfitFile:   "a file that the spec names isn't there, or isn't as the spec says",
	NoDevice:    "a device that the spec needs isn't there",
	NoKernel:    "an operation has no kernel for its dtypes on its device",
	OutOfMemory: "a program needs no more memory than its devices have",

	UnsupportedVersion: "the spec is written in a version of the language that this flowrun doesn't know",
	UnknownKey:         "a section has the keys of its reference and no others",
	MissingKey:         "a required key is missing",
	WrongType:          "a key's value has the wrong YAML type",
	InvalidValue:       "a value is out of its range or not one of those allowed",
	InvalidName:        "names are letters, digits and _, and don't begin with a digit",
	ReservedName:       "the name has a meaning of its own",
	DuplicateName:      "two things have the same name",
	PathOutside:        "files are read inside the spec's folder only, unless allowed",
	UnknownVar:         "a --set names no var of the spec",
	UnknownSource:      "train.data names no source of the spec",
	UnboundInput:       "no field of the data has the name of a model input",
	UnboundDimension:   "nothing gives a symbolic dimension its size",
	EndlessTraining:    "training needs until or max_steps",
	RecursiveModule:    "a module can't contain itself",
	ShadowedModule:     "a module of the standard library is replaced only with override: true",
	Cycle:              "a node can't depend on itself, nor a file import itself",
	GraphTooLarge:      "`repeat` is at most 100,000, and modules are nested at most 100 deep",
	OverBudget:         "what the check of a spec may cost is bounded",

	ExpressionSyntax:    "the expression can't be parsed",
	ExpressionTooLarge:  "an expression is at most 16 KiB long and 100 brackets deep",
	ForeignSyntax:       "the construct exists in other languages, not in this one",
	AmbiguousExpression: "the expression means something else than it seems to; parentheses make it clear",
	UnknownName:         "no such name is visible here",
	UnknownFunction:     "no operation or module has that name",
	UnknownArgument:     "the operation or module has no such argument",
	DuplicateArgument:   "an argument is given twice",
	MissingArgument:     "a required argument is missing",
	TooManyArguments:    "more arguments than the operation or module takes",
	InvalidArgument:     "an argument has a value that isn't allowed",
	InvalidOperation:    "an operator can't be applied to these values",
	IntegerOverflow:     "compile-time integers have 64 bits",
	NotCompileTime:      "the place needs a value known at compile time",
	AbsentParameter:     "a parameter is used whose `when` is false",
	ShapeMismatch:       "shapes of operands don't fit together",
	TypeMismatch:        "a tensor has another type than the place asks for",
	NotDifferentiable:   "a gradient is asked for that doesn't exist",

	UnusedVar:      "nothing uses the var",
	UnusedNode:     "nothing needs the node",
	UnusedSource:   "nothing reads the data source",
	UnusedModule:   "nothing calls the module",
	UnexpandedPath: "nothing expands ~ or a variable in a path",
	UnmatchedRule:  "a placement rule matches nothing",
	NoGradient:     "the loss doesn't depend on a parameter, so it isn't trained",
	FileFormat:     "tensors are read from safetensors files",
	InvalidIgnore:  "a flowrun:ignore names one rule that warns, and a reason",
	UnusedIgnore:   "a flowrun:ignore accepts a warning that isn't there",
}

var warnings = []Rule{OctalNumber, UnusedVar, UnusedNode, UnusedSource, UnusedModule, UnmatchedRule, UnexpandedPath, NoGradient, FileFormat, InvalidIgnore, UnusedIgnore}

// Doc says in one line what the rule is about; "" for a name that is no rule.
func (r Rule) Doc() string { return rules[r] }

// Severity is the severity of every diagnostic of the rule.
func (r Rule) Severity() Severity {
	if slices.Contains(warnings, r) {
		return Warning
	}
	return Error
}

// Rules lists all rules by name.
func Rules() []Rule {
	all := make([]Rule, 0, len(rules))
	for r := range rules {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Rule) int { return strings.Compare(string(a), string(b)) })
	return all
}
