package kernels

import (
	"fmt"
	"regexp"
	"strings"
)

// language is how a language writes an entry point.
type language struct {
	extension string
	before    []string // files that come before each kernel
	items     Scalar   // the work-items of a kernel that doesn't say
	entry     string   // what stands before its name
	bounds    string   // a pattern of what may come between
	input     string   // an input of dtype %s and name %s
	output    string
	scalars   map[string]string // by type: ScalarTypes and SizeTypes
	of        map[string]string // of those, the ones that depend on a dtype %s, in a fused kernel
}

var languages = map[string]*language{
	"opencl": {
		extension: ".cl",
		before:    []string{"prelude.h"},
		items:     everyElement,
		entry:     "kernel void",
		input:     "global const %s *%s",
		output:    "global %s *%s",
		scalars: map[string]string{"int": "int", "long": "long", "bool": "int", "float": "S", "number": "C",
			"shape": "int8", "steps": "int8", "dims": "int8", "offsets": "int8"},
		of: map[string]string{"float": "SCALAR(%s)", "number": "COMPUTE(%s)"},
	},
	"cuda": {
		extension: ".cu",
		before:    []string{"prelude.h", "math.h", "circular.h", "special.h", "work.h"},
		items:     everyBatch,
		entry:     `extern "C" __global__ void`,
		bounds:    `(?:__launch_bounds__\(\w+, \w+\)\s+)?`,
		input:     "const %s *%s",
		output:    "%s *%s",
		scalars: map[string]string{"int": "int", "long": "i64", "bool": "int", "float": "S", "number": "C",
			"shape": "list", "steps": "list", "dims": "list", "offsets": "list"},
		of: map[string]string{"float": "SCALAR(%s)", "number": "COMPUTE(%s)"},
	},
}

// Parameters are those of the kernel's entry point in a language, as its source
// must write them: "global const T *x", "int n".
func (k *Kernel) Parameters(name string) []string {
	l := languages[name]
	var all []string
	for _, in := range k.Inputs {
		all = append(all, fmt.Sprintf(l.input, sourceDType(in.DType), in.Name))
	}
	all = append(all, fmt.Sprintf(l.output, sourceDType(k.Output.DType), k.Output.Name))
	for _, s := range append(k.Scalars[:len(k.Scalars):len(k.Scalars)], k.Sizes...) {
		typ := l.scalars[s.Type]
		if of := l.of[s.Type]; s.dtype != "" && of != "" {
			typ = fmt.Sprintf(of, sourceDType(s.dtype))
		}
		if typ != "" {
			all = append(all, typ+" "+s.Name)
		}
	}
	return all
}

// checkSource holds the parameters of a kernel's entry point against the manifest.
func (k *Kernel) checkSource(sources *Sources, name string) error {
	source, err := sources.Source(name, k)
	if err != nil {
		return err
	}
	file := source.Files[len(source.Files)-1]
	got, line, ok := entryPoint(file.Text, languages[name], k.Entry())
	if !ok {
		return fmt.Errorf("%s: there is no %s %s(…)", file.Name, languages[name].entry, k.Entry())
	}
	want := k.For(name).Parameters(name)
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(want):
			return fmt.Errorf("%s:%d: %s has a parameter %q too many; the manifest has %d", file.Name, line, k.Entry(), got[i], len(want))
		case i >= len(got):
			return fmt.Errorf("%s:%d: %s lacks the parameter %q, number %d by the manifest", file.Name, line, k.Entry(), want[i], i+1)
		case got[i] != want[i]:
			return fmt.Errorf("%s:%d: parameter %d of %s is %q, and %q by the manifest", file.Name, line, i+1, k.Entry(), got[i], want[i])
		}
	}
	if !sources.fuses(name) {
		return nil
	}
	return k.checkBody(file)
}

// checkBody holds what a source defines for fused kernels against the manifest.
func (k *Kernel) checkBody(file File) error {
	text := blankComments(file.Text)
	var want []string
	switch k.Body {
	case NoBody:
		if strings.Contains(text, "BODY(") {
			return fmt.Errorf("%s: there is a BODY, which the manifest doesn't know of; it lacks body: map or body: reduce", file.Name)
		}
		return nil
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
	for _, w := range append(want, "#ifndef FUSED") {
		if !strings.Contains(text, w) {
			return fmt.Errorf("%s: there is no %s, which body: %s in the manifest asks for", file.Name, w, k.Body)
		}
	}
	return nil
}

// comments are those of C.
var comments = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`)

// blankComments puts spaces for comments, so that places stay.
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

// entryPoint finds a function and gives its parameters, with one space between
// words and none after a star, and its line.
func entryPoint(text string, l *language, name string) (parameters []string, line int, ok bool) {
	text = underscored.ReplaceAllString(blankComments(text), "$1")
	pattern := strings.Join(strings.Fields(regexp.QuoteMeta(l.entry)), `\s+`) + `\s+` + l.bounds + regexp.QuoteMeta(name) + `\s*\(([^)]*)\)`
	at := regexp.MustCompile(`\b` + pattern).FindStringSubmatchIndex(text)
	if at == nil {
		return nil, 0, false
	}
	line = strings.Count(text[:at[0]], "\n") + 1
	for _, p := range strings.Split(text[at[2]:at[3]], ",") {
		p = strings.Join(strings.Fields(strings.ReplaceAll(p, "*", " * ")), " ")
		parameters = append(parameters, strings.ReplaceAll(p, "* ", "*"))
	}
	return parameters, line, true
}
