package syntax

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Help for names that people know from other libraries.

// ForeignHelp says what another library's operation is called here; "" if unknown.
func (l *Library) ForeignHelp(name string) string {
	switch here, known := foreign.Function(name); {
	case l.Optimizers[name] != nil:
		return name + " is an optimizer; use it under train.optimizer"
	case !known || here == name:
		return ""
	case foreign.IsAdvice(here):
		return here
	case l.Signature(here) != nil:
		return fmt.Sprintf("use %q", here)
	}
	return ""
}

// FunctionHelp suggests an operation or module for an unknown name.
func (l *Library) FunctionHelp(list *diag.List, name string) string {
	if help := l.ForeignHelp(name); help != "" {
		return help
	}
	return Suggestion(list, name, l.names())
}

// Suggestion suggests one of the candidates for an unknown name, or gives "": one that
// differs only in lookalike characters, or one with a small edit distance.
func Suggestion(list *diag.List, name string, candidates []string) string {
	straight := strings.TrimSpace(foreign.Straight(name))
	if straight != name && slices.Contains(candidates, straight) {
		return fmt.Sprintf("did you mean %q?", straight)
	}
	return list.Suggestion(straight, candidates)
}

// Spelled is a name as a message shows it. Lookalike characters are described by their
// codes.
func Spelled(name string) string {
	return diag.Cut(name) + lookalike(name)
}

// Quoted is Spelled in backquotes.
func Quoted(name string) string { return "`" + diag.Cut(name) + "`" + lookalike(name) }

// lookalike describes the first character of a text that isn't what it looks like, in
// parentheses; "" if there is none.
func lookalike(text string) string {
	if _, r, ok := foreign.First(text); ok {
		return " (with " + foreign.Describe(r) + ")"
	}
	return ""
}

// strange is the kind of a value for messages, with the character in it that isn't
// what it looks like.
func strange(n *tree.Node) string {
	if n.Kind == tree.String {
		return n.Kind.String() + lookalike(n.Text)
	}
	return n.Kind.String()
}

// ArgumentHelp says what to write for an argument that a signature lacks.
func (s *Signature) ArgumentHelp(name string, list *diag.List) string {
	here := foreign.Arguments[name]
	switch {
	case here != "" && s.has(here):
		return fmt.Sprintf("did you mean %q?", here)
	case isReserved(name) && (s.isModule || name == "device" || name == "precision"):
		return fmt.Sprintf("use a mapping node: {%s: x, …, %s: …}", s.Name, name)
	case foreign.IsAdvice(here):
		return here
	}
	if help := Suggestion(list, name, s.Names()); help != "" {
		return help
	}
	if len(s.Params) == 0 {
		return "it has no arguments"
	}
	return "its arguments are " + strings.Join(s.Names(), ", ")
}

// TypeHelp says what a dtype is called here, or lists the dtypes.
func TypeHelp(list *diag.List, name string) string {
	bare := name[strings.LastIndexByte(name, '.')+1:] // torch.float32
	here := foreign.DTypes[bare]
	switch {
	case slices.Contains(TypeNames, bare) && bare != name:
		return fmt.Sprintf("use %q", bare)
	case foreign.IsAdvice(here):
		return here
	case here != "":
		return fmt.Sprintf("use %q", here)
	}
	return cmp.Or(Suggestion(list, name, TypeNames), "the dtypes are "+strings.Join(TypeNames, ", "))
}

// ThereIs lists the names that exist, if they are few.
func ThereIs(names []string) string {
	names = slices.DeleteFunc(names, func(name string) bool { return BuiltIn[name] != "" })
	if len(names) == 0 || len(names) > 12 {
		return ""
	}
	slices.Sort(names)
	return "available: " + strings.Join(names, ", ")
}
