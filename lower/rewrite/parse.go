package rewrite

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// maxLine is the length of the longest rewrite, in bytes.
const maxLine = 4096

// head is the name of a rewrite and its tag.
var head = regexp.MustCompile(`^([a-z][a-z0-9-]*)\s*(?:\[(?:rounding ([0-9]+(?:\.[0-9]+)?)|(order))\])?\s*:`)

// Parse reads a file of rewrites and checks them against the op registry. The
// error lists all problems, each with file, line, column and the rewrite's name;
// the rewrites that are right come beside it.
func Parse(file, text string) ([]*Rewrite, error) {
	var rewrites []*Rewrite
	var errs []error
	seen := map[string]int{}
	for _, l := range joinLines(text) {
		name, parsed, err := parseRewrite(l.text)
		if err == nil && seen[name] > 0 {
			err = &fault{1, fmt.Sprintf("line %d has a rewrite of that name", seen[name])}
		}
		if err != nil {
			column := 1
			if f := (*fault)(nil); errors.As(err, &f) {
				column = f.column
			}
			if name != "" {
				err = fmt.Errorf("rewrite %s: %w", name, err)
			}
			errs = append(errs, fmt.Errorf("%s:%d:%d: %w", file, l.number, column, err))
			continue
		}
		seen[name] = l.number
		for _, r := range parsed {
			r.File, r.Line = file, l.number
		}
		rewrites = append(rewrites, parsed...)
	}
	return rewrites, errors.Join(errs...)
}

type line struct {
	number int // of its first line
	text   string
}

// joinLines drops comments and empty lines, and appends lines that begin with a
// blank to the one before. Columns of what is appended count on from its end.
func joinLines(text string) []line {
	var lines []line
	var whole strings.Builder // the last line, as far as it is known
	end := func() {
		if len(lines) > 0 {
			lines[len(lines)-1].text = whole.String()
		}
		whole.Reset()
	}
	for i, l := range strings.Split(text, "\n") {
		if at := strings.IndexByte(l, '#'); at >= 0 {
			l = l[:at]
		}
		l = strings.TrimRight(l, " \t\r")
		if l == "" {
			continue
		}
		if goesOn := (l[0] == ' ' || l[0] == '\t') && len(lines) > 0; !goesOn {
			end()
			lines = append(lines, line{number: i + 1})
		}
		whole.WriteString(l)
	}
	end()
	return lines
}

// parseRewrite reads one rewrite; several come of one line with "for".
func parseRewrite(text string) (name string, rewrites []*Rewrite, err error) {
	m := head.FindStringSubmatch(text)
	if m == nil {
		return "", nil, &fault{1, `a rewrite begins with its name and a colon: "name: pattern => replacement"`}
	}
	name = m[1]
	if len(text) > maxLine {
		return name, nil, &fault{1, fmt.Sprintf("a rewrite has at most %d characters", maxLine)}
	}
	body := text[len(m[0]):]
	tokens, err := lex(body, len(m[0])+1)
	if err != nil {
		return name, nil, err
	}
	s, err := (&parser{tokens: tokens}).rewrite()
	if err != nil {
		return name, nil, err
	}
	choices := s.ops
	if choices == nil {
		choices = []string{""}
	}
	for _, op := range choices {
		r := &Rewrite{Name: name, Text: strings.TrimSpace(body)}
		if m[3] != "" {
			r.Rounding, r.Order = true, true
		}
		if m[2] != "" {
			r.Rounding = true
			if r.ULPs, err = strconv.ParseFloat(m[2], 64); err != nil {
				return name, nil, &fault{1, "the tolerance is out of range"}
			}
		}
		if err := check(r, s, op); err != nil {
			return name, nil, err
		}
		rewrites = append(rewrites, r)
	}
	return name, rewrites, nil
}

// rewriteSyntax is a rewrite before it is checked.
type rewriteSyntax struct {
	pattern, result *syntax
	condition       *syntax // nil: always
	variable        string  // of "for"
	ops             []string
}

func (p *parser) rewrite() (*rewriteSyntax, error) {
	s := &rewriteSyntax{}
	var err error
	if s.pattern, err = p.expression(0); err != nil {
		return nil, err
	}
	if err := p.expect("=>", "after the pattern"); err != nil {
		return nil, err
	}
	if s.result, err = p.expression(0); err != nil {
		return nil, err
	}
	if p.take("where") {
		if s.condition, err = p.expression(0); err != nil {
			return nil, err
		}
	}
	if p.take("for") {
		s.variable = p.next().text
		if err := p.expect("in", "after the name of the variable op"); err != nil {
			return nil, err
		}
		for len(s.ops) == 0 || p.take(",") {
			t := p.next()
			if t.kind != tokenName {
				return nil, &fault{t.column, fmt.Sprintf("the name of an op is expected, not %s", t)}
			}
			s.ops = append(s.ops, t.text)
		}
	}
	if t := p.peek(); t.kind != tokenEnd {
		return nil, &fault{t.column, fmt.Sprintf(`"where", "for" or the end of the line is expected, not %s`, t)}
	}
	return s, nil
}
