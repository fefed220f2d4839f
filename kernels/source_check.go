package kernels

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// checkSource checks a kernel's source against the manifest: the function that is its
// body, and the parameters of its entry point where that isn't generated.
func (k *Kernel) checkSource(sources *Sources, name string) error {
	l := languages[name]
	file, err := sources.file(l.path(k.Name))
	if err != nil {
		return err
	}
	text := blankComments(file.Text)
	if k.Body == NoBody || k.hasOwnEntry(text) {
		if err := k.checkEntry(file.Name, text, l); err != nil {
			return err
		}
	}
	return k.checkBody(file.Name, text)
}

// checkEntry checks the parameters of an entry point.
func (k *Kernel) checkEntry(file, text string, l *language) error {
	got, line, ok := entryPoint(text, l, k.Entry())
	if !ok {
		return fmt.Errorf("%s: there is no %s %s(…)", file, l.entry, k.Entry())
	}
	own, position := k.For(l.name), fmt.Sprintf("%s:%d", file, line)
	want := own.Parameters(l.name)
	if l.members != "" {
		if err := l.checkBuiltIns(got[min(len(got), len(want)):], k.Entry()); err != nil {
			return fmt.Errorf("%s: %w", position, err)
		}
		got = got[:min(len(got), len(want))]
	}
	if err := checkDeclared("parameter", k.Entry(), got, want); err != nil {
		return fmt.Errorf("%s: %w", position, err)
	}
	members := own.Members(l.name)
	if len(members) == 0 {
		return nil
	}
	got, line, ok = structMembers(text)
	if !ok {
		return fmt.Errorf("%s: there is no struct arguments { … }; with %s", file, strings.Join(members, "; "))
	}
	if err := checkDeclared("member", "struct arguments", got, members); err != nil {
		return fmt.Errorf("%s:%d: %w", file, line, err)
	}
	return nil
}

// checkDeclared compares declarations with those of the manifest.
func checkDeclared(kind, of string, got, want []string) error {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(want):
			return fmt.Errorf("%s has a %s %q too many; the manifest has %d", of, kind, got[i], len(want))
		case i >= len(got):
			return fmt.Errorf("%s lacks the %s %q, number %d in the manifest", of, kind, want[i], i+1)
		case got[i] != want[i]:
			return fmt.Errorf("%s %d of %s is %q, but %q in the manifest", kind, i+1, of, got[i], want[i])
		}
	}
	return nil
}

// builtIn is a parameter that tells a thread its position.
var builtIn = regexp.MustCompile(`^(uint[23]?) \w+ \[\[(\w+)\]\]$`)

// checkBuiltIns checks that the parameters after those of the manifest are built-ins.
func (l *language) checkBuiltIns(parameters []string, of string) error {
	components := ""
	for _, p := range parameters {
		m := builtIn.FindStringSubmatch(p)
		if m == nil {
			return fmt.Errorf("%s has a parameter %q too many: after those of the manifest there can be only built-ins, uint NAME [[BUILT_IN]]", of, p)
		}
		everyDimension, known := l.builtIns[m[2]]
		switch {
		case !known:
			return fmt.Errorf("%s has a parameter %q, which isn't one of the built-ins %s", of, p, strings.Join(slices.Sorted(maps.Keys(l.builtIns)), ", "))
		case !everyDimension && m[1] != "uint":
			return fmt.Errorf("%s has a parameter %q, which must be a uint", of, p)
		case everyDimension && components != "" && m[1] != components:
			return fmt.Errorf("%s has a parameter %q beside one of type %s: built-ins with a component per dimension must all have the same number of components", of, p, components)
		case everyDimension:
			components = m[1]
		}
	}
	return nil
}

// checkBody checks that a source defines the functions of its body.
func (k *Kernel) checkBody(file, text string) error {
	var want []string
	switch k.Body {
	case NoBody:
		if strings.Contains(text, "BODY(") {
			return fmt.Errorf("%s: there is a BODY, but the manifest has neither body: map nor body: reduce", file)
		}
	case MapBody:
		want = []string{fmt.Sprintf("BODY(%s)(", k.Name)}
		if k.DTypes["U"] != nil {
			want = []string{fmt.Sprintf("BODY_TO(%s)(", k.Name)}
		}
	case ReduceBody:
		for _, what := range []string{"part", "none", "one", "join", "end"} {
			want = append(want, fmt.Sprintf("BODY(%s_%s)", k.Name, what))
		}
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			return fmt.Errorf("%s: there is no %s, which `body: %s` in the manifest requires", file, w, k.Body)
		}
	}
	if k.Body != NoBody && k.hasOwnEntry(text) && !strings.Contains(text, unlessFused) {
		return fmt.Errorf("%s: %s is generated, as the manifest has body: %s; an entry point of the file's own must stand between %s and #endif", file, k.Entry(), k.Body, unlessFused)
	}
	return nil
}

// comments are those of C.
var comments = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`)

// blankComments replaces comments with spaces, which keeps positions.
func blankComments(text string) string {
	return comments.ReplaceAllStringFunc(text, func(c string) string {
		return strings.Map(func(r rune) rune {
			if r == '\n' {
				return r
			}
			return ' '
		}, c)
	})
}

// underscored are words of OpenCL C that may be written in two ways.
var underscored = regexp.MustCompile(`\b__(kernel|global|local|constant|private)\b`)

// entryPoint finds a function in a text without comments and gives its parameters,
// with one space between words and none after a star, and its line.
func entryPoint(text string, l *language, name string) (parameters []string, line int, ok bool) {
	text = underscored.ReplaceAllString(text, "$1")
	pattern := strings.Join(strings.Fields(regexp.QuoteMeta(l.entry)), `\s+`) + `\s+` + l.bounds + regexp.QuoteMeta(name) + `\s*\(`
	at := regexp.MustCompile(`\b` + pattern).FindStringIndex(text)
	if at == nil {
		return nil, 0, false
	}
	line = strings.Count(text[:at[0]], "\n") + 1
	depth, end := 1, at[1]
	for ; end < len(text) && depth > 0; end++ {
		switch text[end] {
		case '(':
			depth++
		case ')':
			depth--
		}
	}
	if depth > 0 {
		return nil, 0, false
	}
	for _, p := range splitFields(text[at[1] : end-1]) {
		parameters = append(parameters, evenlySpaced(p))
	}
	return parameters, line, true
}

// signs are those around which spaces mean nothing.
var signs = regexp.MustCompile(`\s*([*&()\[\]])\s*`)

// evenlySpaced writes a declaration with spaces where the manifest's have them.
func evenlySpaced(declaration string) string {
	apart := strings.NewReplacer("*", " *", "&", " &", "[[", " [[").Replace(signs.ReplaceAllString(declaration, "$1"))
	return strings.Join(strings.Fields(apart), " ")
}

// argumentsStruct is the struct that has the scalars and sizes.
var argumentsStruct = regexp.MustCompile(`\bstruct\s+arguments\s*\{([^}]*)\}`)

// structMembers gives the members of struct arguments, a type and a name each, and
// its line.
func structMembers(text string) (members []string, line int, ok bool) {
	at := argumentsStruct.FindStringSubmatchIndex(text)
	if at == nil {
		return nil, 0, false
	}
	for _, declaration := range strings.Split(text[at[2]:at[3]], ";") {
		typ, names, _ := strings.Cut(evenlySpaced(declaration), " ")
		if typ == "" {
			continue
		}
		for _, name := range strings.Split(names, ",") {
			members = append(members, typ+" "+strings.TrimSpace(name))
		}
	}
	return members, strings.Count(text[:at[0]], "\n") + 1, true
}
