package tree

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/flowrun/flowrun/diag"
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
	list.Budget.Spend(diag.Reading, byteCost*min(len(src), MaxBytes))
	t := newText(file, src)
	if !checkText(t, list) {
		return nil, nil
	}
	plain, ok := t.withoutVersion(list)
	if !ok {
		return nil, nil
	}
	loader, err := yaml.NewLoader(strings.NewReader(plain), yaml.WithPlugin(
		loaderlimits.New(loaderlimits.DepthValue(MaxDepth), loaderlimits.AliasNone())))
	if err != nil {
		list.Errorf(diag.YAMLSyntax, diag.Range{File: file}, "%s", err)
		return nil, nil
	}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		start := diag.Pos{Line: 1, Col: 1}
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
			"a second document begins here; a spec is one document")
		return nil, nil
	}
	w := walker{text: t, list: list, done: map[*yaml.Node]*Node{}, open: map[*yaml.Node]bool{},
		leaves: make([]Token, 0, min(len(src)/16, 4096))}
	root := w.node(doc.Content[0], false)
	if w.weight[root] > MaxEntries {
		list.Errorf(diag.AliasBomb, root.Range, "aliases multiply the text to more than 100,000 entries")
		return nil, nil
	}
	list.Ignores = append(list.Ignores, t.ignores(w.leaves)...)
	return root, w.leaves
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
		explain(t, load, &d)
	}
	list.Add(d)
}

// explain turns the library's words into a spec author's, where the usual cause
// is known.
func explain(t *text, e *yaml.LoadError, d *diag.Diagnostic) {
	context := diag.Pos{Line: e.ContextMark.Line, Col: e.ContextMark.Column}
	line := t.line(d.Range.Start.Line)
	if t.missingSpace(e, d) || t.noKey(e, d) {
		return
	}
	switch {
	case strings.HasPrefix(e.Message, "exceeded max depth"):
		d.Rule = diag.TooDeep
		d.Message = fmt.Sprintf("collections are nested more than %d deep", MaxDepth)
	case strings.HasPrefix(e.Message, "mapping values are not allowed"):
		d.Message = "a second `: ` stands in this value"
		if before, _, _ := strings.Cut(line, ": "); strings.TrimSpace(before) != "" && strings.Count(line, ": ") > 1 {
			d.Rule = diag.QuoteExpression
			d.Help = "a plain value can't contain `: `; put it in quotes"
		} else {
			d.Message = "a mapping begins inside of a value"
			d.Help = "check the indentation: the keys of a mapping stand in one column"
		}
	case e.ContextMsg == "while parsing a flow mapping" || e.ContextMsg == "while parsing a flow sequence":
		if at := t.offset(d.Range.Start); at < len(t.src) && strings.IndexByte("[{", t.src[at]) >= 0 {
			start, end := t.expression(at)
			from, to := d.Range.Start, d.Range.Start
			from.Col -= len([]rune(t.src[start:at]))
			to.Col += len([]rune(t.src[at:end]))
			d.Rule, d.Range = diag.QuoteExpression, t.rangeOf(from, to)
			d.Message = "inside {…} and […] YAML takes the bracket for a collection"
			d.Help = fmt.Sprintf("quote it: %q", t.src[start:end])
			if name := t.src[start:end]; strings.HasPrefix(name, "${") {
				d.Rule, d.Message, d.Help = diag.YAMLSyntax, "there are no placeholders in braces", "write "+strings.Trim(name, "${}")+": a var is written by its name alone"
			}
			return
		}
		closing := "}"
		if e.ContextMsg == "while parsing a flow sequence" {
			closing = "]"
		}
		d.Message = fmt.Sprintf("the %s that closes this, or a comma between its entries, is missing", closing)
		d.Notes = []diag.Note{{Message: "YAML gave up at " + d.Range.Start.String()}}
		d.Range = t.at(context)
	case strings.HasPrefix(line[min(max(d.Range.Start.Col-1, 0), len(line)):], "\t"), strings.Contains(e.Message, "found a tab"):
		d.Message = "a tab stands where YAML allows spaces only"
		d.Help = "indent with spaces"
	case strings.HasPrefix(e.Message, "found character that cannot start any token"):
		d.Message = "a value can't begin with this character"
		d.Help = "put the value in quotes"
	case strings.HasPrefix(e.Message, "did not find expected comment or line break"):
		d.Range = t.at(context)
		d.Message = "`>` and `|` begin a block of text"
		d.Help = "put the value in quotes"
	case e.ContextMsg == "while scanning a quoted scalar":
		d.Range = t.at(context)
		if strings.Contains(e.Message, "unexpected end") || strings.Contains(e.Message, "document") {
			d.Message = "the closing quote is missing"
		}
	case strings.HasPrefix(e.Message, "did not find expected key"):
		d.Message = "a key was expected here"
		d.Help = "check the indentation and the quotes of this line and the one before"
	case e.ContextMsg == "while scanning an alias" || e.ContextMsg == "while scanning an anchor":
		d.Range = t.at(context)
		d.Message = "`*` and `&` at the beginning of a value mean an alias and an anchor"
		d.Help = "put the value in quotes"
	case strings.HasPrefix(e.Message, "unknown anchor"):
		d.Message = strings.TrimSuffix(e.Message, " referenced") + " is referred to"
		d.Help = "a value that begins with `*` is an alias; put it in quotes if it is an expression"
	}
}

// keyWithoutSpace is a line on which no space follows the colon of a key.
var keyWithoutSpace = regexp.MustCompile(`^\s*(?:- )?([A-Za-z_][A-Za-z0-9_]*:)([^\s:/][^#]*)`)

// missingSpace finds the key whose colon is followed by no space: the line, and
// those behind it, are one text then, which ends where YAML gives up.
func (t *text) missingSpace(e *yaml.LoadError, d *diag.Diagnostic) bool {
	switch {
	case strings.HasPrefix(e.Message, "mapping values are not allowed"), strings.HasPrefix(e.Message, "did not find expected key"),
		strings.HasPrefix(e.Message, "could not find expected ':'"):
	default:
		return false
	}
	for n := d.Range.Start.Line; n > 0 && n >= d.Range.Start.Line-2; n-- {
		m := keyWithoutSpace.FindStringSubmatchIndex(t.line(n))
		if m == nil {
			continue
		}
		line := t.line(n)
		col := utf8.RuneCountInString(line[:m[2]]) + 1
		d.Range = t.rangeOf(diag.Pos{Line: n, Col: col}, diag.Pos{Line: n, Col: col + m[3] - m[2]})
		d.Message = "a space is missing after this colon"
		d.Help = "write " + line[m[2]:m[3]] + " " + strings.TrimSpace(line[m[4]:m[5]])
		return true
	}
	return false
}

// assigned is a line with = where a colon belongs.
var assigned = regexp.MustCompile(`^\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*([^=].*)$`)

// noKey finds the line at or before the place where YAML gave up that is no
// entry of a mapping.
func (t *text) noKey(e *yaml.LoadError, d *diag.Diagnostic) bool {
	lost := strings.HasPrefix(e.Message, "could not find expected ':'")
	if !lost && !strings.HasPrefix(e.Message, "mapping values are not allowed") && !strings.HasPrefix(e.Message, "did not find expected key") {
		return false
	}
	n := d.Range.Start.Line
	if !lost {
		n--
	}
	for ; n > 0; n-- {
		trimmed := strings.TrimSpace(t.line(n))
		if trimmed != "" && trimmed[0] != '#' && !(lost && strings.Contains(trimmed+" ", ": ")) {
			break
		}
	}
	line := t.line(n)
	trimmed := strings.TrimSpace(line)
	m := assigned.FindStringSubmatch(line)
	before, _, comment := strings.Cut(trimmed, " #")
	switch {
	case trimmed == "":
		return false
	case strings.HasPrefix(trimmed, "//"):
		d.Message, d.Help = "a line that begins with `//` is no comment", "a comment begins with #"
	case m != nil:
		d.Message, d.Help = "a key is followed by a colon, not by `=`", "write "+m[1]+": "+strings.TrimSpace(m[2])
	case comment && strings.Count(before, "(") > strings.Count(before, ")"):
		d.Message, d.Help = "a ` #` begins a comment and ends the value before it", "move the comment behind the value's last line"
	case lost:
		d.Message, d.Help = "this line is no entry of a mapping", "write key: value"
	default:
		return false
	}
	col := utf8.RuneCountInString(line[:len(line)-len(strings.TrimLeft(line, " \t"))]) + 1
	d.Range = t.rangeOf(diag.Pos{Line: n, Col: col}, diag.Pos{Line: n, Col: col + utf8.RuneCountInString(trimmed)})
	return true
}

// line gives a line of the text, without its end.
func (t *text) line(n int) string {
	if n < 1 || n > len(t.lines) {
		return ""
	}
	line := t.src[t.lines[n-1]:]
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
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
