package lower

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/internal/goldentest"
	"github.com/flowrun/flowrun/ir"
)

// printed writes a plan for comparison: the graph in its order, and where each
// value lives.
func printed(p *Plan) string {
	var b strings.Builder
	if err := ir.Fprint(&b, p.Graph); err != nil {
		return err.Error()
	}
	b.WriteByte('\n')
	for i, n := range p.Graph.Nodes {
		v := p.Values[i]
		kernel := ""
		if v.Kernel != nil {
			kernel = "  kernel " + v.Kernel.Name
		}
		if v.Storage == InPlace {
			fmt.Fprintf(&b, "%%%d on %s, in place%s\n", i, p.Targets[n.Space].Name, kernel)
			continue
		}
		fmt.Fprintf(&b, "%%%d on %s, %s, %d bytes at %d%s\n", i, p.Targets[n.Space].Name, v.Storage, v.Bytes, v.Offset, kernel)
	}
	for i, s := range p.Spaces {
		fmt.Fprintf(&b, "%s needs %d bytes and %d shared\n", p.Targets[i].Name, s.Kept, s.Arena)
	}
	return b.String()
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	goldentest.Equal(t, filepath.Join("testdata", name+".golden"), got)
}

// goldens are small programs that show what lowering decides.
var goldens = map[string]func(b *program){
	// A weight at home on the host, trained on a device: it is copied there and
	// its update back; the frozen part stays where it is.
	"weight_on_host": func(b *program) {
		w, frozen := b.param("w", 4, 4), b.param("frozen", 4)
		w.Device = "cpu"
		x := b.op("uniform", 0.0, 1.0, []any{2, 4}, "f32", b.step.Read, 1)
		y := b.output("y", b.op("add", b.op("matmul", x, b.op("transpose", w.Read)), b.op("tanh", frozen.Read)))
		w.Next = b.op("sub", w.Read, b.op("mul", b.op("matmul", b.op("transpose", y), x), 0.1))
	},
	// Two states that swap, and two that become functions of each other.
	"swaps": func(b *program) {
		x, y, u, v := b.param("x", 4), b.param("y", 4), b.param("u", 4), b.param("v", 4)
		x.Next, y.Next = y.Read, x.Read
		u.Next, v.Next = b.op("tanh", v.Read), b.op("sigmoid", u.Read)
	},
	// In place where the kernel allows it, beside its home where not.
	"updates": func(b *program) {
		a, c, shared := b.param("a", 4, 4), b.param("c", 4, 4), b.param("shared", 4, 4)
		a.Next = b.op("add", a.Read, c.Read)
		c.Next = b.op("matmul", a.Read, c.Read)
		both := b.op("maximum", a.Read, c.Read)
		shared.Next = both
		b.param("shared too", 4, 4).Next = both
	},
	// A value that two devices need.
	"two_devices": func(b *program) {
		w := b.param("w", 8)
		w.Device = "cpu"
		h := b.on("sim:0", "tanh", w.Read)
		b.output("left", b.on("sim:0", "neg", h))
		b.output("right", b.on("sim:1", "add", h, w.Read))
	},
	// Data from the host, random numbers from the device, a metric.
	"data": func(b *program) {
		x := b.op("source", b.step.Read, "digits", "image", "f32", []any{2, 8})
		noise := b.op("normal", 0.0, 1.0, []any{2, 8}, "f32", b.step.Read, 1)
		loss := b.output("loss", b.op("mean", b.op("square", b.op("add", x, noise))))
		m := b.NewState("metrics.loss", ir.MetricState, ir.Scalar(ir.F32))
		m.Next = loss
	},
}

func TestPlansMatchTheGoldenFiles(t *testing.T) {
	for name, build := range goldens {
		t.Run(name, func(t *testing.T) {
			b := newProgram()
			build(b)
			golden(t, name, printed(b.plan(t, options(t, 1))))
		})
	}
}
