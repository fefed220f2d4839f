package weights

import (
	"errors"
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Rule says which tensors of a file are taken, and as what. Without one, the file must
// have all of a model's parameters and buffers, and nothing else.
//
// In patterns "*" stands for any text. Those of tensors are compared with the names in the
// file, those of parameters with paths. Both may be written with brackets: h[0].weight is
// h.0.weight.
type Rule struct {
	// Partial allows the file to lack parameters, which keep their initial values, and to
	// have other tensors, which are left.
	Partial bool
	// Match has patterns of the parameters that are taken; others keep their initial values.
	// Empty: all are.
	Match []string
	// Ignore has patterns of tensors that aren't wanted.
	Ignore []string
	// Rename gives tensors other names. The first one that fits a tensor is used.
	Rename []Rename
	// Average names one of the averages of the weights that a checkpoint has (train.averages),
	// which is taken in their place; "": none.
	Average string
	// Forget has patterns of fields of the data of which what the weights have learned
	// (classes, means, fill values) isn't used: those of a head that isn't taken.
	Forget []string
}

// Rename gives the tensors that a pattern fits the names of parameters. Each star of From
// stands for as little text as possible, from the left, and those of a name in To for the
// same texts; To may have several names, or none of the stars.
type Rename = ir.WeightRename

// Param is a parameter or buffer of a model.
type Param struct {
	Name     string
	Type     ir.Type
	Optional bool // a strict rule doesn't ask for it: it is in another part of the program
}

// Entry is a tensor of a file.
type Entry struct {
	Name   string
	DType  string  // as the file names it
	Type   ir.Type // its DType is Invalid if flowrun doesn't support it
	weight string  // the weight that it is an average of, and stands for
	Beside bool    // it is no weight, but kept beside those of a checkpoint; only a rule's rename takes it
}

// typeOf describes an entry's type.
func (e *Entry) typeOf() string {
	if e.Type.DType == ir.Invalid {
		return diag.Cut(e.DType + e.Type.Shape.String())
	}
	return diag.Cut(e.Type.String())
}

// Check reports a rule that can't be.
func (r Rule) Check() error {
	for _, p := range r.Match {
		if p == "" {
			return errors.New("match has an empty pattern")
		}
	}
	for _, p := range r.Ignore {
		if p == "" {
			return errors.New("ignore has an empty pattern")
		}
	}
	for _, p := range r.Forget {
		if p == "" {
			return errors.New("forget has an empty pattern")
		}
	}
	for _, rename := range r.Rename {
		if err := checkRename(rename); err != nil {
			return fmt.Errorf("rename %s: %w", diag.Quote(rename.From), err)
		}
	}
	return nil
}

// checkRename reports a rename that can't be.
func checkRename(r Rename) error {
	if r.From == "" || len(r.To) == 0 {
		return errors.New("it takes the name of a tensor and that of a parameter")
	}
	stars := ir.Stars(r.From)
	for _, to := range r.To {
		n := ir.Stars(to)
		switch {
		case to == "":
			return errors.New("the name of the parameter is empty")
		case n != 0 && n != stars:
			return fmt.Errorf("%s has %s and %s %s: both must have the same number", diag.Quote(to), diag.Count(n, "star"), diag.Quote(r.From), diag.Count(stars, "star"))
		}
	}
	return nil
}

// pattern is one of a rule, and what it has fitted so far.
type pattern struct {
	text  string
	given ir.Pattern
	plain ir.Pattern // with dots for brackets
	fits  bool
}

func newPattern(text string) *pattern {
	text = ir.Squeezed(text)
	return &pattern{text: text, given: ir.NewPattern(text), plain: ir.NewPattern(ir.PlainPath(text))}
}

func newPatterns(texts []string) (patterns []*pattern) {
	for _, text := range texts {
		patterns = append(patterns, newPattern(text))
	}
	return patterns
}

// literal reports whether the pattern is a name.
func (p *pattern) literal() bool { return !strings.Contains(p.text, "*") }

// lacking says that a file has no tensor that the pattern of a key of the rule fits.
func (p *pattern) lacking(key string, tensors []string) string {
	if p.literal() {
		return fmt.Sprintf("%s: the file has no tensor %s%s", key, diag.Quote(p.text), meant(p.text, tensors))
	}
	return fmt.Sprintf("%s: the file has no tensor that %s fits; it has %s", key, diag.Quote(p.text), diag.Names(tensors))
}

// meant suggests the name that a misspelled one stands for.
func meant(name string, names []string) string {
	if help := diag.Suggestion(name, names); help != "" {
		return "; " + diag.Cut(help)
	}
	return ""
}

// match compares the pattern with a name.
func (p *pattern) match(name string) bool { return p.given.Match(name) || p.plain.Match(name) }

// captured gives the texts that the stars stand for in a name that the pattern matches.
func (p *pattern) captured(name string) []string {
	if p.given.Match(name) {
		return p.given.Captured(name)
	}
	return p.plain.Captured(name)
}

// matchAny reports whether one of the patterns fits a name, and remembers all that do.
func matchAny(patterns []*pattern, name string) (any bool) {
	for _, p := range patterns {
		if p.match(name) {
			p.fits, any = true, true
		}
	}
	return any
}
