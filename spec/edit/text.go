package edit

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// renderer edits a text that ends with a line feed.
type renderer struct {
	src    string
	root   *tree.Node
	tokens []tree.Token
	lines  []int // offsets of the lines' starts
	edits  []edit
	notes  map[int][]note // by line, from 0
}

// note says why some keys were written.
type note struct {
	why  string
	keys []string
}

type edit struct {
	from, to int
	text     string
}

func newRenderer(name, src string) *renderer {
	r := &renderer{src: src, lines: []int{0}, notes: map[int][]note{}}
	r.root, r.tokens = tree.Tokens(name, src, &diag.List{})
	for i, c := range []byte(src) {
		if c == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	return r
}

func (r *renderer) edit(from, to int, text string) { r.edits = append(r.edits, edit{from, to, text}) }

// note says at the end of a line why something in it was written. In a scalar of
// several lines that is its last one, and for a block of text the one above it.
func (r *renderer) note(at int, why, key string) {
	if i, found := slices.BinarySearchFunc(r.tokens, at, func(t tree.Token, at int) int { return t.Offset - at }); !found && i > 0 && at < r.tokens[i-1].End {
		at = r.tokens[i-1].End
		if r.tokens[i-1].Kind == tree.BlockToken {
			at = r.tokens[i-1].Offset
		}
	}
	line, _ := slices.BinarySearch(r.lines, at+1)
	notes := r.notes[line-1]
	i := slices.IndexFunc(notes, func(n note) bool { return n.why == why })
	if i < 0 {
		i, notes = len(notes), append(notes, note{why: why})
	}
	if key != "" && !slices.Contains(notes[i].keys, key) {
		notes[i].keys = append(notes[i].keys, key)
	}
	r.notes[line-1] = notes
}

// offset is the byte at which a position stands.
func (r *renderer) offset(p diag.Pos) int {
	if p.Line < 1 || p.Line > len(r.lines) {
		return len(r.src)
	}
	at := r.lines[p.Line-1]
	for i := range r.src[at:] {
		if p.Col--; p.Col == 0 {
			return at + i
		}
	}
	return len(r.src)
}

// insert adds a key to a mapping, behind one of its entries.
func (r *renderer) insert(n *tree.Node, after *tree.Entry, key, value, why string) {
	line := key + ": " + value
	if n.Flow {
		if after == nil {
			r.edit(n.Offset+1, n.Offset+1, line)
		} else {
			r.edit(r.end(after), r.end(after), ", "+line)
		}
		r.note(n.Offset, why, key)
		return
	}
	line = strings.Repeat(" ", n.Entries[0].Key.Range.Start.Col-1) + line + "  # " + why
	at := r.lineEnd(r.end(after))
	r.edit(at, at, line+"\n")
}

// fill gives a key a value that has none.
func (r *renderer) fill(e *tree.Entry, value string) {
	at := e.Key.End
	for at < len(r.src) && r.src[at] != ':' {
		at++
	}
	r.edit(at+1, max(at+1, r.end(e)), " "+value)
}

// end is where an entry ends. The node of an alias stands elsewhere.
func (r *renderer) end(e *tree.Entry) int {
	if e.Value.Offset >= e.Key.End {
		return max(e.Key.End, e.Value.End)
	}
	i, _ := slices.BinarySearchFunc(r.tokens, e.Key.End, func(t tree.Token, at int) int { return t.Offset - at })
	for ; i < len(r.tokens); i++ {
		switch r.tokens[i].Kind {
		case tree.ColonToken, tree.CommentToken:
		case tree.AliasToken:
			return r.tokens[i].End
		default:
			return e.Key.End
		}
	}
	return e.Key.End
}

// text applies the edits and writes the notes.
func (r *renderer) text() string {
	for line, notes := range r.notes {
		var words []string
		for _, n := range notes {
			text := n.why
			if n.keys != nil {
				text += ": " + strings.Join(n.keys, ", ")
			}
			words = append(words, text)
		}
		r.comment(line, words)
	}
	return r.edited(0, len(r.src), r.edits)
}

// edited is the source between two offsets with the edits there applied.
func (r *renderer) edited(from, to int, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	for _, e := range edits {
		b.WriteString(r.src[from:e.from] + e.text)
		from = e.to
	}
	return b.String() + r.src[from:to]
}

// comment adds to the comment at the end of a line what it doesn't say yet, or
// begins one.
func (r *renderer) comment(line int, words []string) {
	end := len(r.src)
	if line+1 < len(r.lines) {
		end = r.lines[line+1] - 1
	}
	i, _ := slices.BinarySearchFunc(r.tokens, end, func(t tree.Token, at int) int { return t.Offset - at })
	if i == 0 {
		return
	}
	said := ""
	switch last := r.tokens[i-1]; last.Kind {
	case tree.CommentToken:
		said = r.src[last.Offset:end]
	case tree.BlockToken: // its header may end with a comment
		said = r.src[last.Offset:end]
		said = said[strings.IndexByte(said+"#", '#'):]
	}
	separator := "; "
	if said == "" {
		separator = "  # "
	}
	at := len(strings.TrimRight(r.src[:end], " \t"))
	for _, word := range words {
		if !strings.Contains(said, word) {
			r.edit(at, end, separator+word)
			at, separator = end, "; "
		}
	}
}
