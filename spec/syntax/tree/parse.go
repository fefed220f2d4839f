package tree

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
)

// Parse reads the one document of a text. Problems go to list; a text that
// isn't YAML at all gives nil. An empty document is a node of kind Null.
func Parse(file, src string, list *diag.List) *Node {
	root, _ := parse(file, src, list)
	return root
}

// parse also gives the text's leaves.
func parse(file, src string, list *diag.List) (*Node, []Token) {
	src = strings.TrimPrefix(src, "\ufeff")
	list.AddSource(file, src)
	start := diag.Pos{Line: 1, Col: 1}
	list.Budget.At(diag.Range{File: file, Start: start, End: start})
	list.Budget.Spend(diag.Reading, byteCost*min(len(src), MaxBytes))
	t := newText(file, src)
	if !checkText(t, list) {
		return nil, nil
	}
	plain, ok := t.withoutVersion(list)
	if !ok {
		return nil, nil
	}
	loader, err := newLoader(plain)
	if err != nil {
		list.Errorf(diag.YAMLSyntax, diag.Range{File: file}, "%s", err)
		return nil, nil
	}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		return &Node{Kind: Null, Plain: true, Range: t.rangeOf(start, start)}, nil
	case err != nil:
		reportSyntax(t, err, list)
		return nil, nil
	}
	switch err := loader.Load(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		reportSyntax(t, err, list)
		return nil, nil
	default:
		list.Errorf(diag.MultipleDocuments, t.at(diag.Pos{Line: second.Line, Col: second.Column}),
			"a spec must be a single YAML document, but a second one begins here")
		return nil, nil
	}
	w := walker{text: t, list: list, done: map[*yaml.Node]*Node{}, open: map[*yaml.Node]bool{},
		weight: map[*Node]int{}, leaves: make([]Token, 0, min(len(src)/16, 4096))}
	root := w.node(doc.Content[0], false)
	if w.misplaced != nil {
		list.Add(*w.misplaced)
		return nil, nil
	}
	if w.weight[root] > MaxEntries {
		list.Errorf(diag.AliasBomb, root.Range, "aliases expand the text to more than 100,000 entries")
		return nil, nil
	}
	list.Ignores = append(list.Ignores, t.ignores(w.leaves)...)
	return root, w.leaves
}

func newLoader(src string) (*yaml.Loader, error) {
	return yaml.NewLoader(strings.NewReader(src), yaml.WithPlugin(
		loaderlimits.New(loaderlimits.DepthValue(MaxDepth), loaderlimits.AliasNone())))
}

// reportSyntax translates an error of the YAML library.
func reportSyntax(t *text, err error, list *diag.List) {
	d := diag.Diagnostic{Rule: diag.YAMLSyntax, Range: diag.Range{File: t.file}, Message: err.Error()}
	var load *yaml.LoadError
	if errors.As(err, &load) {
		d.Message = load.Message
		if p := (diag.Pos{Line: load.Mark.Line, Col: load.Mark.Column}); p.Line > 0 {
			d.Range = t.at(p)
		}
		explain(t, load, &d, list)
	}
	list.Add(d)
}

// explain turns the library's words into a spec author's, where the usual cause
// is known.
func explain(t *text, e *yaml.LoadError, d *diag.Diagnostic, list *diag.List) {
	context := diag.Pos{Line: e.ContextMark.Line, Col: e.ContextMark.Column}
	line := t.line(d.Range.Start.Line)
	if !strings.HasPrefix(e.Message, "exceeded max depth") && t.repair(d, list) {
		return
	}
	switch {
	case strings.HasPrefix(e.Message, "exceeded max depth"):
		d.Rule = diag.TooDeep
		d.Message = fmt.Sprintf("collections are nested more than %d levels deep", MaxDepth)
	case strings.HasPrefix(e.Message, "mapping values are not allowed"):
		d.Message = "this value contains a second `: `"
		if before, _, _ := strings.Cut(line, ": "); strings.TrimSpace(before) != "" && strings.Count(line, ": ") > 1 {
			d.Rule = diag.QuoteExpression
			d.Help = "quote the value: a plain value can't contain `: `"
		} else {
			d.Message = "unexpected mapping inside a value"
			d.Help = "check the indentation: all keys of a mapping start in the same column"
		}
	case e.ContextMsg == "while parsing a flow mapping" || e.ContextMsg == "while parsing a flow sequence":
		if at := t.offset(d.Range.Start); at < len(t.src) && strings.IndexByte("[{", t.src[at]) >= 0 {
			start, end := t.expression(at)
			from, to := d.Range.Start, d.Range.Start
			from.Col -= len([]rune(t.src[start:at]))
			to.Col += len([]rune(t.src[at:end]))
			d.Rule, d.Range = diag.QuoteExpression, t.rangeOf(from, to)
			d.Message = "inside {…} and […], YAML reads this bracket as a collection"
			d.Help = fmt.Sprintf("quote it: %q", t.src[start:end])
			whole := t.src[start:end]
			if found, ok := foreign.FindPlaceholder(whole); ok {
				d.Rule = diag.ForeignSyntax
				d.Message, d.Help = found.Explain(whole)
			} else if _, r, ok := foreign.First(whole); ok {
				quoted := strings.Trim(foreign.Straight(whole), `"'`)
				d.Rule, d.Message, d.Help = diag.YAMLSyntax, foreign.Describe(r)+", is not a valid quote", fmt.Sprintf("write %q", quoted)
			}
			return
		}
		closing := "}"
		if e.ContextMsg == "while parsing a flow sequence" {
			closing = "]"
		}
		d.Message = fmt.Sprintf("missing closing %s, or missing comma between entries", closing)
		d.Notes = []diag.Note{{Message: "the YAML parser stopped at " + d.Range.Start.String()}}
		d.Range = t.at(context)
	case strings.HasPrefix(line[min(max(d.Range.Start.Col-1, 0), len(line)):], "\t"), strings.Contains(e.Message, "found a tab"):
		d.Message = "YAML doesn't allow a tab here"
		d.Help = "indent with spaces"
	case strings.HasPrefix(e.Message, "found character that cannot start any token") && t.placeholder(d):
	case strings.HasPrefix(e.Message, "found character that cannot start any token"):
		d.Message = "a value can't begin with this character"
		d.Help = "quote the value"
	case strings.HasPrefix(e.Message, "did not find expected comment or line break"):
		d.Range = t.at(context)
		d.Message = "`>` and `|` start a block scalar in YAML"
		d.Help = "quote the value"
	case e.ContextMsg == "while scanning a quoted scalar":
		d.Range = t.at(context)
		if strings.Contains(e.Message, "unexpected end") || strings.Contains(e.Message, "document") {
			d.Message = "missing closing quote"
		}
	case strings.HasPrefix(e.Message, "did not find expected key"):
		d.Message = "expected a key"
		d.Help = "check the indentation and the quotes of this line and the one before"
	case e.ContextMsg == "while scanning an alias" || e.ContextMsg == "while scanning an anchor":
		d.Range = t.at(context)
		d.Message = "in YAML, `*` at the start of a value is an alias and `&` an anchor"
		d.Help = "quote the value"
	case strings.HasPrefix(e.Message, "unknown anchor"):
		d.Message = strings.TrimSuffix(e.Message, " referenced")
		d.Help = "a value that begins with `*` is an alias; quote it if it is an expression"
	}
}

// placeholder reports what begins where YAML gave up as a placeholder, if it is one.
func (t *text) placeholder(d *diag.Diagnostic) bool {
	at := t.offset(d.Range.Start)
	rest := t.src[at:min(len(t.src), at+maxPlaceholder)]
	value := strings.TrimSpace(rest[:strings.IndexAny(rest+"\n", ",}\n")])
	found, ok := foreign.FindPlaceholder(value)
	if !ok || found.From != 0 {
		return false
	}
	d.Rule = diag.ForeignSyntax
	d.Range.End.Col = d.Range.Start.Col + utf8.RuneCountInString(value)
	d.Message, d.Help = found.Explain(value)
	return true
}

// line gives a line of the text, without its end.
func (t *text) line(n int) string {
	if n < 1 || n > len(t.lines) {
		return ""
	}
	line := t.src[t.lines[n-1]:]
	line, _, _ = strings.Cut(line, "\n")
	return strings.TrimSuffix(line, "\r")
}

// expression gives the bounds of the text around an opening bracket that was
// probably meant as one expression: the word before it, and up to the bracket
// that closes it on the same line.
func (t *text) expression(at int) (start, end int) {
	start = at
	for start > 0 && strings.IndexByte(" ,:{[\n", t.src[start-1]) < 0 {
		start--
	}
	depth := 0
	for end = start; end < len(t.src) && t.src[end] != '\n'; end++ {
		switch t.src[end] {
		case '[', '(', '{':
			depth++
		case ']', ')', '}':
			depth--
			if depth == 0 && end > at {
				return start, end + 1
			}
		}
	}
	return start, end
}
