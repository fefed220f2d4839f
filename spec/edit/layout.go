package edit

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// level is how far a level is indented.
const level = 2

// block is an open block collection.
type block struct {
	list bool
	old  int // the column in which its entries begin, from 0
	new  int
}

// printer writes the tokens of a text, line by line.
type printer struct {
	src    string
	out    strings.Builder
	column int // of the line that is being written, in characters
	shift  int // how far its beginning has moved

	started  bool // past the document's directives and its ---
	blocks   []block
	empty    bool      // whether the last line ends in a key or a dash without a value
	depth    int       // of brackets
	comments []comment // lines that wait for the line below them
	blank    bool      // whether a blank line stands before the next line
}

// comment is a line of its own.
type comment struct {
	text  string
	old   int
	blank bool // whether a blank line stands before it
}

// layOut writes a text anew, or says why not: it doesn't lay out markers of documents after
// the beginning, keys after a question mark, and texts that are no collection.
func layOut(src string, tokens []tree.Token) (text, kept string) {
	for i := 1; i < len(tokens); i++ {
		if tokens[i].Offset < tokens[i-1].End {
			return "", "an anchor contains punctuation" // like "&&:", in which YAML and its tokens disagree
		}
	}
	p := &printer{src: src}
	end := 0 // of the line before
	for i := 0; i < len(tokens); {
		p.blank = p.blank || strings.Count(src[end:tokens[i].Offset], "\n") > 1
		line := lineOf(src, tokens[i:])
		i += len(line)
		ok := true
		if end, ok = p.head(line); ok {
			continue
		}
		if at := slices.IndexFunc(line, func(t tree.Token) bool { return t.Kind == tree.OtherToken }); at >= 0 {
			return "", unusual(src[line[at].Offset:])
		}
		if end, ok = p.line(line); !ok {
			return "", "it is neither a mapping nor a list"
		}
	}
	p.flush(p.blocks, -1, 0)
	return p.out.String(), ""
}

// lineOf gives the tokens of the first line.
func lineOf(src string, tokens []tree.Token) []tree.Token {
	n := 1
	for n < len(tokens) && tokens[n-1].Kind != tree.BlockToken &&
		!strings.Contains(src[tokens[n-1].End:tokens[n].Offset], "\n") {
		n++
	}
	return tokens[:n]
}

// unusual says what is there that isn't laid out.
func unusual(rest string) string {
	switch {
	case strings.HasPrefix(rest, "?"):
		return "a key is marked with ?"
	case strings.HasPrefix(rest, "---"):
		return "a value follows --- on the same line"
	case strings.HasPrefix(rest, "..."):
		return "the document ends with ..."
	}
	return "it contains a character that fmt doesn't support"
}

// head writes a directive, or the marker behind it, with which a document may
// begin. It gives where the line ends in the source.
func (p *printer) head(line []tree.Token) (end int, ok bool) {
	first, last := line[0], line[len(line)-1]
	text := p.src[first.Offset:first.End]
	switch {
	case p.started, first.Kind != tree.OtherToken, text != "---" && text[0] != '%',
		len(line) > 2, len(line) == 2 && last.Kind != tree.CommentToken:
		p.started = p.started || first.Kind != tree.CommentToken
		return 0, false
	}
	p.flush(nil, -1, 0)
	p.begin(0, p.blank)
	p.blank, p.shift = false, 0
	p.write(strings.TrimRight(text, " \t"))
	if len(line) == 2 {
		p.gap(first, last)
		p.write(strings.TrimRight(p.src[last.Offset:last.End], " \t"))
	}
	p.out.WriteByte('\n')
	return last.End, true
}

// line writes the tokens of a line; a scalar among them may go on over more
// lines. It gives where the line ends in the source.
func (p *printer) line(line []tree.Token) (end int, ok bool) {
	first, last := line[0], line[len(line)-1]
	indent := 0
	switch {
	case p.depth == 0 && first.Kind == tree.CommentToken:
		text := strings.TrimRight(p.src[first.Offset:first.End], " \t")
		p.comments = append(p.comments, comment{text, p.columnOf(first), p.blank})
		p.blank = false
		return first.End, true
	case p.depth == 0:
		before := slices.Clone(p.blocks)
		indent = p.indentation(line)
		if p.top() == nil && first.Kind != tree.OpenToken {
			return 0, false
		}
		p.flush(before, p.columnOf(first), indent)
	case first.Kind == tree.CloseToken: // the depth is above 0
		indent = p.inside(p.depth - 1)
	default:
		indent = p.inside(p.depth)
	}
	p.begin(indent, p.blank)
	p.blank, p.empty, p.shift = false, false, indent-p.columnOf(first)
	for i, t := range line {
		if i > 0 {
			p.gap(line[i-1], t)
		}
		switch t.Kind {
		case tree.OpenToken:
			p.depth++
		case tree.CloseToken:
			if p.depth--; p.depth < 0 {
				return 0, false
			}
		case tree.BlockToken:
			return p.text(t)
		}
		p.scalar(p.src[t.Offset:t.End])
	}
	p.empty = p.depth == 0 && endsEmpty(line)
	p.out.WriteByte('\n')
	return last.End, true
}

// endsEmpty reports whether a line ends in a key or a dash without a value.
func endsEmpty(line []tree.Token) bool {
	last := line[len(line)-1]
	if last.Kind == tree.CommentToken && len(line) > 1 {
		last = line[len(line)-2]
	}
	return last.Kind == tree.ColonToken || last.Kind == tree.DashToken || last.Kind == tree.AnchorToken
}

// indentation finds the block collections that a line outside of brackets belongs to,
// and gives its indentation.
func (p *printer) indentation(line []tree.Token) int {
	indent := -1
	for i, t := range line {
		old := p.columnOf(t)
		isDash := t.Kind == tree.DashToken
		isKey := i+1 < len(line) && line[i+1].Kind == tree.ColonToken && t.Kind == tree.ScalarToken
		for len(p.blocks) > 0 && p.left(old, isDash, isKey) {
			p.blocks = p.blocks[:len(p.blocks)-1]
		}
		new := p.within()
		if isDash || isKey {
			if top := p.top(); top == nil || top.old != old || top.list != isDash {
				p.blocks = append(p.blocks, block{isDash, old, new})
			}
			new = p.top().new
		}
		if indent < 0 {
			indent = new
		}
		if !isDash {
			break
		}
	}
	return indent
}

// left reports whether a token in a column stands behind the end of the
// innermost block. A list may stand in the column of the key that it belongs to.
func (p *printer) left(old int, isDash, isKey bool) bool {
	top := p.top()
	switch {
	case isDash:
		return top.old > old
	case isKey:
		return top.old > old || top.old == old && top.list
	}
	return top.old >= old
}

func (p *printer) top() *block {
	if len(p.blocks) == 0 {
		return nil
	}
	return &p.blocks[len(p.blocks)-1]
}

// within is the indentation of what stands in the innermost block.
func (p *printer) within() int {
	if top := p.top(); top != nil {
		return top.new + level
	}
	return 0
}

// inside is the indentation of a line that begins inside of brackets. In a block
// all of it, the closing bracket too, stands to the right of the block's entries.
func (p *printer) inside(depth int) int {
	if top := p.top(); top != nil {
		return top.new + level*max(depth, 1)
	}
	return level * depth
}

// columnOf is the column in which a token stands in the source, from 0.
func (p *printer) columnOf(t tree.Token) int {
	return utf8.RuneCountInString(p.src[strings.LastIndexByte(p.src[:t.Offset], '\n')+1 : t.Offset])
}

// begin begins a line.
func (p *printer) begin(indent int, blank bool) {
	if blank && p.out.Len() > 0 {
		p.out.WriteByte('\n')
	}
	p.column = 0
	p.write(strings.Repeat(" ", indent))
}

func (p *printer) write(s string) {
	p.out.WriteString(s)
	p.column += utf8.RuneCountInString(s)
}

// gap writes what stands between two tokens of a line. A comment moves with the
// beginning of its line where it can, so that those below each other stay so.
func (p *printer) gap(before, t tree.Token) {
	switch {
	case t.Kind == tree.CommentToken:
		p.write(strings.Repeat(" ", max(1, p.columnOf(t)+p.shift-p.column)))
	case before.Kind == tree.OpenToken, t.Kind == tree.CloseToken, t.Kind == tree.CommaToken, t.Kind == tree.ColonToken:
	default:
		p.write(" ")
	}
}

// flush writes the comments that waited for a line, which begins in column old and
// will begin in column new; blocks are those that were open before it.
func (p *printer) flush(blocks []block, old, new int) {
	for _, c := range p.comments {
		p.begin(p.beside(c, blocks, old, new), c.blank)
		p.write(c.text)
		p.out.WriteByte('\n')
	}
	p.comments = p.comments[:0]
}

// beside gives the indentation of a comment. It belongs to the line below it if both begin
// in one column, else to the block whose entries do. One deeper than the line below belongs
// to the block above, or to a key there that has no value, perhaps because all of it is
// commented out. Any other belongs to the line below.
func (p *printer) beside(c comment, blocks []block, old, new int) int {
	if c.old == old {
		return new
	}
	for i := len(blocks) - 1; i >= 0; i-- {
		b := blocks[i]
		switch {
		case b.old == c.old:
			return b.new
		case b.old < c.old && old < c.old && i == len(blocks)-1 && p.empty:
			return b.new + level
		case b.old < c.old && old < c.old:
			return b.new
		}
	}
	return new
}

// scalar writes a token. Line breaks inside of it stay; the white space around
// them means nothing in YAML.
func (p *printer) scalar(s string) {
	for i, part := range strings.Split(s, "\n") {
		if i > 0 {
			p.out.WriteByte('\n')
			p.column = 0
			if part = strings.TrimLeft(part, " \t"); part != "" {
				p.write(strings.Repeat(" ", p.inside(max(p.depth, 1))))
			}
		}
		trimmed := strings.TrimRight(part, " \t")
		if slashes := len(trimmed) - len(strings.TrimRight(trimmed, `\`)); s[0] == '"' && slashes%2 == 1 {
			trimmed = part[:min(len(trimmed)+1, len(part))] // an escaped space
		}
		p.write(trimmed)
	}
}

// text writes a block of text, of which only the indentation changes. It gives
// where its last line ends.
func (p *printer) text(t tree.Token) (end int, ok bool) {
	top := p.top()
	if top == nil {
		return 0, false
	}
	first := lineAt(p.src, t.Offset)
	header, note, _ := strings.Cut(first, " ")
	p.write(header)
	if note = strings.Trim(note, " \t"); note != "" {
		at := t.Offset + strings.IndexByte(first, '#')
		p.gap(t, tree.Token{Kind: tree.CommentToken, Offset: at})
		p.write(note)
	}
	p.out.WriteByte('\n')
	end = t.Offset + len(first)

	lines := linesOf(p.src, end+1, t.End)
	old, indent := 0, top.new+level
	if i := strings.IndexAny(header, "123456789"); i >= 0 {
		old, indent = top.old+int(header[i]-'0'), top.new+int(header[i]-'0')
	} else if i := slices.IndexFunc(lines, func(s string) bool { return !isBlank(s) }); i >= 0 {
		old = len(lines[i]) - len(strings.TrimLeft(lines[i], " "))
	}
	if !strings.Contains(header, "+") {
		for len(lines) > 0 && isBlank(lines[len(lines)-1]) && (old == 0 || len(lines[len(lines)-1]) <= old) {
			lines = lines[:len(lines)-1]
		}
	}
	for i, line := range lines {
		if len(line) > old {
			p.out.WriteString(strings.Repeat(" ", indent) + line[old:])
		}
		end += 1 + len(line)
		if open := end >= len(p.src) && i == len(lines)-1; !open || strings.Contains(header, "-") {
			p.out.WriteByte('\n') // else a line feed would become part of the text
		}
	}
	return min(end, len(p.src)), true
}

// linesOf are the lines from an offset that begin before another, and blank ones
// behind them.
func linesOf(src string, from, to int) []string {
	var lines []string
	for from < len(src) {
		line := lineAt(src, from)
		if !isBlank(line) && from+len(line)-len(strings.TrimLeft(line, " ")) >= to {
			break
		}
		lines = append(lines, line)
		from += len(line) + 1
	}
	return lines
}

// lineAt is the rest of the line from an offset.
func lineAt(src string, at int) string {
	line, _, _ := strings.Cut(src[at:], "\n")
	return line
}

func isBlank(s string) bool { return strings.Trim(s, " ") == "" }
