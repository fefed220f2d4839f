package kernels

import (
	"fmt"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// implied gives a kernel the sizes and work-items that go with its body.
func (l *loader) implied(k *Kernel, given *yaml.Node) {
	if given != nil {
		l.errorf(given, "kernel %s has sizes or items beside body: %s, which implies them", k.Name, k.Body)
	}
	if k.Body == ReduceBody {
		k.reduces("x", nil)
		return
	}
	var spread []string
	if len(k.Inputs) > 1 {
		for _, in := range k.Inputs {
			spread = append(spread, in.Name)
		}
	}
	k.maps(spread)
}

// defaultGroup fills a GPU's processor with eight groups, and is enough work for
// one thread of a CPU.
const defaultGroup = 256

// everyElement is the number of work-items of a kernel that doesn't say: one for
// each element of the output.
var everyElement = Scalar{Name: "items", Type: "int", Expr: "numel(out)",
	program: &program{text: "numel(out)", where: "the number of work-items"}}

// once is the number of launches of a kernel that doesn't say.
var once = Scalar{Name: "launches", Type: "int", Expr: "1", program: &program{text: "1", where: "the number of launches"}}

// batch is how many elements a work-item of an elementwise kernel takes in
// languages that read several at once: EACH in their sources.
const batch = 4

// everyBatch is the number of work-items that take a batch each.
var everyBatch = Scalar{Name: "items", Type: "int", Expr: "batches",
	program: &program{text: fmt.Sprintf("ceil_div(numel(out), %d)", batch), where: "the number of work-items"}}

// items reads "n, m": expressions for one to three dimensions.
func (l *loader) items(k *Kernel, n *yaml.Node, what string) {
	k.Grid.Items = nil
	for _, text := range splitFields(l.text(n, what)) {
		s := Scalar{Name: "items", Type: "int", Expr: text}
		l.compileLater(k, n, &s)
		k.Grid.Items = append(k.Grid.Items, s)
	}
	if len(k.Grid.Items) > 3 {
		l.errorf(n, "%s: %d dimensions; work-items have at most 3", what, len(k.Grid.Items))
	}
}

// powersOfTwo reads "16 16".
func (l *loader) powersOfTwo(n *yaml.Node, what string) []int {
	var all []int
	for _, word := range strings.Fields(l.text(n, what)) {
		size, err := strconv.Atoi(word)
		if err != nil || size < 1 || size&(size-1) != 0 {
			l.errorf(n, "%s: %q is not a power of two", what, word)
			size = 1
		}
		all = append(all, size)
	}
	return all
}

// launches reads a number of launches, or an expression for it.
func (l *loader) launches(k *Kernel, n *yaml.Node, what string) Scalar {
	s := Scalar{Name: "launches", Type: "int", Expr: l.text(n, what)}
	if count, err := strconv.Atoi(s.Expr); err == nil && count < 1 {
		l.errorf(n, "%s: %q is not a number of at least 1", what, n.Value)
	}
	l.compileLater(k, n, &s)
	return s
}
