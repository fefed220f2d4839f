// Package tree reads YAML text into nodes that know exactly where they stand.
//
// It owns everything about YAML that a spec must not depend on: what is refused (tags, merge
// keys, anchored or non-string keys, duplicates, aliases that multiply), expressions that
// YAML's grammar cuts up, and the positions of all that is accepted.
//
//   - Time and memory grow linearly with the text: its size, entries and depth are bounded
//     before it is parsed, and aliases are shared, never copied.
//   - A node that was reported is Broken; a decoder says nothing more about it.
package tree

import "github.com/flowrun/flowrun/diag"

// Kind is the kind of a node.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	List
	Map
)

var kinds = [...]string{"nothing", "a bool", "an int", "a float", "a string", "a list", "a mapping"}

// String names the kind for messages, with its article.
func (k Kind) String() string { return kinds[k] }

// Node is a value of a YAML text.
type Node struct {
	Kind    Kind
	Text    string     // of a scalar: what it says, without quotes and escapes
	Plain   bool       // a scalar without quotes, on one line or several
	Flow    bool       // a collection in brackets, or anything inside of one
	Range   diag.Range // without comments
	Items   []*Node    // of a list
	Entries []Entry    // of a mapping, in the text's order, without duplicates
	Broken  bool       // reported already
	Partial bool       // a mapping that lacks entries, which were reported
	Merged  bool       // a merge key asks for it; that was reported
	Strayed bool       // a mapping of entries that stand beside the key that they belong under; that was reported

	// Offset and End are where the node stands in the text, in bytes.
	Offset, End int
	// CutByComment tells that a comment follows a plain scalar on its line:
	// perhaps the rest of it was meant to be text.
	CutByComment bool

	positions []diag.Pos // of each character and of the end, if not all in one row
	long      bool       // too many for that: only the ends have positions
}

// Entry is a key of a mapping with its value.
type Entry struct {
	Key   *Node // a String
	Value *Node
}

// IsScalar reports whether the node has a Text.
func (n *Node) IsScalar() bool { return n.Kind < List }

// Get finds the value of a key, or nil.
func (n *Node) Get(key string) *Node {
	for _, e := range n.Entries {
		if e.Key.Text == key {
			return e.Value
		}
	}
	return nil
}

// Keys lists the keys of a mapping.
func (n *Node) Keys() []string {
	keys := make([]string, len(n.Entries))
	for i, e := range n.Entries {
		keys[i] = e.Key.Text
	}
	return keys
}

// Position gives the position in the file of character i of a scalar's Text; of
// its end for i at the end.
func (n *Node) Position(i int) diag.Pos {
	switch {
	case n.positions != nil:
		return n.positions[min(i, len(n.positions)-1)]
	case n.long && i > 0:
		return n.Range.End
	case n.long:
		return n.Range.Start
	}
	p := n.Range.Start
	p.Col += i
	if !n.Plain && n.Range.End.Col-n.Range.Start.Col >= 2 { // past the quote
		p.Col++
	}
	return p
}
