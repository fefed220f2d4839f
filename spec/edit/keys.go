package edit

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// KeyValue is a value of a spec with the path of keys that leads to it: train.max_steps.
// A list of scalars is one value.
type KeyValue struct{ Key, Value string }

// Keys lists the values of a spec's text in its order. The text is only read as YAML: a
// spec of another version may be compared with one of this. An error says why it can't be.
func Keys(name, text string) (keys []KeyValue, err error) {
	list := diag.NewList(name)
	var root *tree.Node
	list.Bounded(func() { root = tree.Parse(name, text, &list) })
	for _, d := range list.Items {
		if d.Severity == diag.Error {
			return nil, fmt.Errorf("%s: %s", d.Range, d.Message)
		}
	}
	if root == nil || root.Kind != tree.Map {
		return nil, fmt.Errorf("%s is no spec: it must be a mapping", name)
	}
	w := &keyWalk{}
	w.walk("", root)
	return w.keys, nil
}

type keyWalk struct{ keys []KeyValue }

func (w *keyWalk) add(key, value string) { w.keys = append(w.keys, KeyValue{key, value}) }

func (w *keyWalk) walk(key string, n *tree.Node) {
	switch {
	case n.Kind == tree.Map && len(n.Entries) > 0:
		for _, e := range n.Entries {
			inner := e.Key.Text
			if strings.ContainsAny(inner, ".[]\" ") || inner == "" {
				inner = strconv.Quote(inner)
			}
			if key != "" {
				inner = key + "." + inner
			}
			w.walk(inner, e.Value)
		}
	case n.Kind == tree.List && !scalars(n):
		for i, item := range n.Items {
			w.walk(fmt.Sprintf("%s[%d]", key, i), item)
		}
	case n.Kind == tree.List:
		var items []string
		for _, item := range n.Items {
			items = append(items, item.Text)
		}
		w.add(key, "["+strings.Join(items, ", ")+"]")
	case n.Kind == tree.Map:
		w.add(key, "{}")
	default:
		w.add(key, n.Text)
	}
}

// scalars reports whether a list has scalars alone.
func scalars(n *tree.Node) bool {
	for _, item := range n.Items {
		if !item.IsScalar() {
			return false
		}
	}
	return true
}
