package tree

import (
	"slices"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
)

// walker makes nodes of the library's, once over the text.
type walker struct {
	*text
	list      *diag.List
	done      map[*yaml.Node]*Node // by anchored node, for its aliases
	open      map[*yaml.Node]bool  // anchored nodes that are being walked
	weight    map[*Node]int        // entries of a node, its aliases counted in full
	misplaced *diag.Diagnostic     // the first key that other characters than spaces indent
	leaves    []Token              // scalars, aliases and anchors, in the text's order
}

func (w *walker) report(n *Node, rule diag.Rule, message, help string) {
	n.Broken = true
	w.list.Add(diag.Diagnostic{Rule: rule, Range: n.Range, Message: message, Help: help})
}

// node walks a value; inFlow tells that it stands inside of brackets.
func (w *walker) node(y *yaml.Node, inFlow bool) *Node {
	if y.Kind == yaml.AliasNode {
		return w.alias(y)
	}
	start := diag.Pos{Line: y.Line, Col: y.Column}
	n := &Node{Offset: w.offset(start), Flow: inFlow || y.Style&yaml.FlowStyle != 0}
	n.Range = w.rangeOf(start, start)
	if y.Anchor != "" { // its aliases are of a refused node too
		w.open[y] = true
		defer func() {
			delete(w.open, y)
			w.done[y] = n
		}()
	}
	tag := ""
	if y.Style&yaml.TaggedStyle != 0 {
		tag = y.ShortTag()
	} else {
		if y.Anchor != "" { // the node begins after it
			w.leaves = append(w.leaves, Token{AnchorToken, n.Offset, n.Offset + 1 + len(y.Anchor)})
			from := n.Offset
			n.Offset = w.skipSpace(from + 1 + len(y.Anchor))
			start = w.walk(start, from, n.Offset)
			n.Range = w.rangeOf(start, start)
		}
		if strings.HasPrefix(w.src[n.Offset:], "!") { // which the library drops
			tag = "!"
		}
	}
	if tag != "" {
		n.Range.End.Col++
		n.End = n.Offset
		w.report(n, diag.YAMLTag, "YAML tags are not supported: "+tag, "remove it; if the value begins with !, quote it")
		return n
	}
	switch y.Kind {
	case yaml.MappingNode:
		n.Kind = Map
		w.mapping(n, y)
	case yaml.SequenceNode:
		n.Kind = List
		var last *Node
		for _, c := range y.Content {
			last = w.node(c, n.Flow)
			n.Items = append(n.Items, last)
		}
		w.close(n, last, ']')
	default:
		w.scalar(n, y)
	}
	w.unquoted(n)
	w.weigh(n)
	return n
}

func (w *walker) alias(y *yaml.Node) *Node {
	start := diag.Pos{Line: y.Line, Col: y.Column}
	at := w.offset(start)
	w.leaves = append(w.leaves, Token{AliasToken, at, at + 1 + len(y.Value)})
	if n := w.done[y.Alias]; n != nil && !w.open[y.Alias] {
		return n
	}
	n := &Node{Range: w.rangeOf(start, start), Offset: at, End: at + 1 + len(y.Value)}
	n.Range.End.Col += 1 + len([]rune(y.Value))
	w.report(n, diag.AliasCycle, "*"+y.Value+" is inside the value it refers to", "")
	return n
}

// weigh counts the entries that a node stands for, saturating.
func (w *walker) weigh(n *Node) {
	sum := 1
	for _, c := range n.Items {
		sum += w.weight[c]
	}
	for _, e := range n.Entries {
		sum += w.weight[e.Value]
	}
	w.weight[n] = min(sum, MaxEntries+1)
}

func (w *walker) mapping(n *Node, y *yaml.Node) {
	seen := make(map[string]*Node, len(y.Content)/2)
	n.Broken = n.Flow && isCut(y.Content)
	var last *Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := w.key(y.Content[i], n)
		v := w.node(y.Content[i+1], n.Flow)
		if last = v; k.End > v.End {
			last = k
		}
		if k.Broken {
			n.Partial = true
			if v.Merged = true; v.Kind == List {
				for _, item := range v.Items {
					item.Merged = true
				}
			}
			continue
		}
		if n.Flow && !n.Broken && !v.Broken && v.Kind == Null && v.Text == "" {
			w.withoutValue(k)
			n.Partial = true
			continue
		}
		if first := seen[k.Text]; first != nil {
			if w.stray(n, Entry{k, v}) {
				continue
			}
			w.list.Add(diag.Diagnostic{Rule: diag.DuplicateKey, Range: k.Range,
				Message: "the key " + quote(k.Text) + " appears twice in this mapping",
				Notes:   []diag.Note{{Message: "first used here", Range: first.Range}}})
			continue
		}
		seen[k.Text] = k
		n.Entries = append(n.Entries, Entry{k, v})
	}
	w.close(n, last, '}')
}

// stray finds the key without a value that a second entry of one name belongs
// under, and reports that it stands beside it.
func (w *walker) stray(n *Node, e Entry) bool {
	if n.Flow {
		return false
	}
	for i := len(n.Entries) - 1; i >= 0; i-- {
		above := n.Entries[i]
		switch {
		case above.Value.Strayed:
			above.Value.Entries = append(above.Value.Entries, e)
			return true
		case above.Value.Kind != Null || above.Value.Text != "" || above.Value.Broken:
			continue
		}
		n.Entries[i].Value = &Node{Kind: Map, Entries: []Entry{e}, Strayed: true, Offset: e.Key.Offset, End: e.Value.End,
			Range: w.rangeOf(e.Key.Range.Start, e.Value.Range.End)}
		w.list.Add(diag.Diagnostic{Rule: diag.DuplicateKey, Range: e.Key.Range,
			Message: quote(e.Key.Text) + " must be indented under `" + above.Key.Text + ":`; here it repeats an earlier key",
			Help:    "indent the entries of `" + above.Key.Text + "` by two more spaces"})
		return true
	}
	return false
}

// withoutValue reports a key of a flow mapping that nothing follows.
func (w *walker) withoutValue(k *Node) {
	d := diag.Diagnostic{Rule: diag.QuoteExpression, Range: k.Range,
		Message: "the key " + quote(k.Text) + " has no value",
		Help:    "if the comma belongs to the previous value, quote that value"}
	if meant, message := Mend(k.Text); k.Plain && meant != "" && message != lost {
		d.Rule, d.Message, d.Help = diag.YAMLSyntax, message, "write "+meant
	}
	w.list.Add(d)
}

// key walks a key and refuses all but plain strings.
func (w *walker) key(y *yaml.Node, in *Node) *Node {
	switch {
	case y.Kind == yaml.AliasNode:
		n := &Node{Kind: String, Range: w.at(diag.Pos{Line: y.Line, Col: y.Column})}
		w.report(n, diag.AnchoredKey, "a key can't be an alias", "write the key itself")
		return n
	case y.Anchor != "":
		n := w.node(y, in.Flow)
		n.Range.Start = diag.Pos{Line: y.Line, Col: y.Column}
		w.report(n, diag.AnchoredKey, "a key can't have an anchor", "put the anchor before the value")
		return n
	case y.Kind == yaml.ScalarNode && y.Value == "<<" && y.ShortTag() == "!!merge":
		n := w.node(y, in.Flow)
		n.Kind = String
		w.report(n, diag.MergeKey, "merge keys are not supported: they hide the contents of a mapping",
			"spell out the keys, or make the value a var")
		return n
	}
	if w.template(y, in) {
		return &Node{Kind: String, Range: in.Range, Broken: true}
	}
	n := w.node(y, in.Flow)
	if n.Plain && !in.Flow {
		w.blank(n)
	}
	if !n.Broken && !in.Broken && n.Kind != String {
		help := ""
		if n.IsScalar() && n.Text != "" {
			help = "quote it"
		}
		w.report(n, diag.NonStringKey, "a key must be a string, not "+n.Kind.String(), help)
		n.Kind = String
	}
	return n
}

func quote(s string) string { return "`" + diag.Cut(s) + "`" }

// blank finds a key that is indented with what only looks like spaces. The text can't be read
// as it was meant then, so nothing else is reported.
func (w *walker) blank(key *Node) {
	first, _ := utf8.DecodeRuneInString(key.Text)
	if w.misplaced != nil || !isBlank(first) {
		return
	}
	at := key.Range.Start
	d := diag.Diagnostic{Rule: diag.YAMLSyntax}
	w.reportStrange(&d, at.Line, mended{text: straight(w.line(at.Line), true), at: at.Col - 1, strange: first, asSpace: true})
	if at.Col == 1 && len([]rune(key.Text)) > 1 && !isBlank([]rune(key.Text)[1]) {
		d.Help = "remove it"
	}
	w.misplaced = &d
}

func isBlank(r rune) bool { return foreign.IsSpace(r) || foreign.IsInvisible(r) }

// template finds {{ name }}, which YAML reads as a mapping whose key is a mapping,
// and reports all of it as the placeholder that it was meant as.
func (w *walker) template(key *yaml.Node, in *Node) bool {
	if key.Kind != yaml.MappingNode || key.Style&yaml.FlowStyle == 0 || !in.Flow || !strings.HasPrefix(w.src[in.Offset:], "{{") {
		return false
	}
	found, ok := foreign.FindPlaceholder(w.src[in.Offset:min(len(w.src), in.Offset+maxPlaceholder)])
	if !ok || found.From != 0 {
		return false
	}
	at := w.rangeOf(in.Range.Start, w.walk(in.Range.Start, in.Offset, in.Offset+found.To))
	message, help := found.Explain(found.Text)
	in.Broken = true
	w.list.Add(diag.Diagnostic{Rule: diag.ForeignSyntax, Range: at, Message: message, Help: help})
	return true
}

// maxPlaceholder bounds how far the end of a placeholder is looked for.
const maxPlaceholder = 200

// close finds the end of a collection: the bracket of a flow collection, the
// last child of a block.
func (w *walker) close(n *Node, last *Node, bracket byte) {
	end, at := n.Range.Start, n.Offset
	if last != nil && last.End > n.Offset {
		end, at = last.Range.End, last.End
	}
	if len(w.leaves) > 0 { // an alias ends elsewhere than its node
		if leaf := w.leaves[len(w.leaves)-1]; leaf.Kind == AliasToken && leaf.Offset >= n.Offset && leaf.End > at {
			end, at = w.walk(n.Range.Start, n.Offset, leaf.End), leaf.End
		}
	}
	if n.Offset < len(w.src) && (w.src[n.Offset] == '[' || w.src[n.Offset] == '{') {
		i := at
		if i == n.Offset {
			i++
		}
		for i = w.skipSpace(i); i < len(w.src) && w.src[i] != bracket && strings.IndexByte(",:?", w.src[i]) >= 0; {
			i = w.skipSpace(i + 1)
		}
		if i < len(w.src) && w.src[i] == bracket {
			i++
		}
		end, at = w.walk(end, at, i), i
	}
	n.Range.End, n.End = end, at
}

// unquoted finds expressions that flow syntax has cut up: entries whose
// brackets don't balance though those of several neighbours do together.
func (w *walker) unquoted(n *Node) {
	if !n.Flow || n.Kind != List && n.Kind != Map {
		return
	}
	parts := slices.Clone(n.Items)
	for _, e := range n.Entries {
		parts = append(parts, e.Key, e.Value)
	}
	for i := 0; i < len(parts); i++ {
		p := parts[i]
		depth := balance(p.Plain && p.IsScalar(), p.Text)
		if depth == 0 {
			continue
		}
		last := p
		for i++; i < len(parts) && depth > 0; i++ {
			depth += balance(parts[i].Plain && parts[i].IsScalar(), parts[i].Text)
			if parts[i].End > last.End {
				last = parts[i]
			}
		}
		at := p.Range
		at.End = last.Range.End
		n.Broken = true
		whole := strings.Join(strings.Fields(w.src[p.Offset:last.End]), " ")
		d := diag.Diagnostic{Rule: diag.QuoteExpression, Range: at, Message: "YAML splits this unquoted expression at the comma",
			Help: "quote it: \"" + whole + "\""}
		if strings.HasPrefix(whole, "(") && strings.IndexByte(whole, ')') == len(whole)-1 {
			d.Message, d.Help = "tuples are not supported, and YAML splits this one at the comma", "write ["+strings.Trim(whole, "()")+"]"
		}
		w.list.Add(d)
		return
	}
}

// isCut reports whether any of the parts has unbalanced brackets.
func isCut(parts []*yaml.Node) bool {
	return slices.ContainsFunc(parts, func(y *yaml.Node) bool {
		return balance(y.Kind == yaml.ScalarNode && y.Style == 0, y.Value) != 0
	})
}

// balance counts the opening brackets of a plain scalar less its closing ones.
func balance(plain bool, text string) int {
	if !plain {
		return 0
	}
	return strings.Count(text, "(") - strings.Count(text, ")")
}
