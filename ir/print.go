package ir

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// Fprint writes the graph as text, one line a node, for people and golden
// files:
//
//	%3 = matmul(%0, %2)  f32[1, 16]  h1
func Fprint(w io.Writer, g *Graph) error {
	var b strings.Builder
	for _, s := range g.States {
		fmt.Fprintf(&b, "state %s %s %s", s.Name, s.Kind, s.Type)
		if s.Next != nil {
			fmt.Fprintf(&b, " -> %%%d", s.Next.ID)
		}
		b.WriteByte('\n')
	}
	for _, n := range g.Nodes {
		fmt.Fprintf(&b, "%%%d = %s  %s", n.ID, n.Call(), n.Type)
		if n.Name != "" && n.State == nil {
			b.WriteString("  " + n.Name)
		}
		b.WriteByte('\n')
		if n.Op == ScanOp {
			var body strings.Builder
			_ = Fprint(&body, n.ScanBody().Graph)
			b.WriteString("  " + strings.ReplaceAll(strings.TrimSuffix(body.String(), "\n"), "\n", "\n  ") + "\n")
		}
	}
	for _, o := range g.Outputs {
		fmt.Fprintf(&b, "output %s = %%%d\n", o.Name, o.Node.ID)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Call writes the node's operation with its operands by number and those of its
// arguments that aren't the default: "sum(%3, dim=[0])".
func (n *Node) Call() string {
	return n.CallOf(func(in *Node) string { return "%" + strconv.Itoa(in.ID) })
}

// CallOf is Call with other names for the operands.
func (n *Node) CallOf(name func(operand *Node) string) string {
	if n.State != nil {
		return "state " + n.State.Name
	}
	var args []string
	attr, input := 0, 0
	rest := len(n.Inputs) - n.Op.fixedOperands()
	for _, p := range n.Op.Params {
		switch p.Kind {
		case KTensor:
			args = append(args, name(n.Inputs[input]))
			input++
		case KTensors, KOptional:
			for range rest {
				args = append(args, name(n.Inputs[input]))
				input++
			}
		default:
			if v := n.Attrs[attr]; v != nil && !p.Derived && !reflect.DeepEqual(v, p.Default) {
				args = append(args, p.Name+"="+printAttr(v))
			}
			attr++
		}
	}
	return n.Op.Name + "(" + strings.Join(args, ", ") + ")"
}

func printAttr(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case []int:
		return Shape(v).String()
	case []float64:
		return strings.ReplaceAll(fmt.Sprint(v), " ", ", ")
	case *Tensor:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// String gives the tensor's first elements, flat, and its shape if it is no
// scalar.
func (t *Tensor) String() string {
	const most = 8
	element := func(i int) string {
		switch {
		case t.Type.DType == Bool:
			return strconv.FormatBool(t.Int(i) != 0)
		case t.Type.DType.IsInt():
			return strconv.FormatInt(t.Int(i), 10)
		}
		bits := 32
		if t.Type.DType == F64 {
			bits = 64
		}
		return strconv.FormatFloat(t.Float(i), 'g', -1, bits)
	}
	if len(t.Type.Shape) == 0 {
		return element(0)
	}
	var parts []string
	n := t.Type.Shape.Numel()
	for i := range min(n, most) {
		parts = append(parts, element(i))
	}
	if n > most {
		parts = append(parts, "…")
	}
	return t.Type.String() + "{" + strings.Join(parts, ", ") + "}"
}
