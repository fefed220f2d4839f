package lower

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// large makes programs of n nodes.
var large = map[string]func(n int) *program{
	"chain": func(n int) *program {
		b := newProgram()
		s := b.param("s", 4)
		node := s.Read
		for range n {
			node = b.op("tanh", node)
		}
		s.Next = node
		return b
	},
	"random": func(n int) *program {
		b := newProgram()
		r := rand.New(rand.NewPCG(1, 2))
		devices := []string{"", "", "", "", "cpu", "sim:1"}
		s := b.param("s", 4)
		nodes := append(b.Graph.Nodes[:0:0], s.Read)
		for range n {
			b.Device = devices[r.IntN(len(devices))]
			nodes = append(nodes, b.op("add", nodes[len(nodes)-1], nodes[r.IntN(len(nodes))]))
		}
		s.Next = nodes[n]
		return b
	},
	"fan-out": func(n int) *program {
		b := newProgram()
		s := b.param("s", 4)
		sum := s.Read
		for i := range n / 3 {
			sum = b.op("add", sum, b.op("mul", s.Read, float64(i)+0.5))
		}
		s.Next = sum
		return b
	},
	"many states": func(n int) *program {
		b := newProgram()
		before := b.param("first", 4)
		for i := range n / 2 {
			s := b.param(fmt.Sprint("s", i), 4)
			s.Next = b.op("mul", before.Read, 0.5) // each waits for the one after it
			before = s
		}
		return b
	},
	"shared operand": func(n int) *program {
		b := newProgram()
		x := b.op("tanh", b.param("x", 4).Read)
		for i := range n / 4 {
			s := b.param(fmt.Sprint("s", i), 4)
			s.Next = b.op("neg", b.op("mul", x, s.Read))
		}
		return b
	},
	"crossed states": func(n int) *program {
		b := newProgram()
		for i := range n / 4 {
			x, y := b.param(fmt.Sprint("x", i), 4), b.param(fmt.Sprint("y", i), 4)
			x.Next, y.Next = b.op("tanh", y.Read), b.op("sigmoid", x.Read)
		}
		return b
	},
}

func BenchmarkLower(b *testing.B) {
	for name, build := range large {
		for _, n := range []int{1_000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("%s of %d", name, n), func(b *testing.B) {
				p := build(n)
				o := options(b, 1)
				o.CheckTypes = false
				for b.Loop() {
					p.plan(b, o)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/node")
			})
		}
	}
}

// TestLoweringIsLinear is coarse, since machines are busy: it tells linear from
// quadratic, not more.
func TestLoweringIsLinear(t *testing.T) {
	for name, build := range large {
		linear := func(t *testing.T, o Options) {
			if name == "random" {
				o.Default = Auto // a third is bound, the rest is for the cut
			}
			o.CheckTypes = false
			took := func(n int) time.Duration {
				p := build(n)
				began := time.Now()
				p.plan(t, o)
				return time.Since(began)
			}
			took(1_000) // the first one pays for caches
			// Twenty times the nodes. A quadratic pass would take 400 times as
			// long, every time; a machine that is busy, once or twice.
			for range 5 {
				small, large := took(2_000), took(40_000)
				t.Logf("2,000 nodes: %v; 40,000: %v", small, large)
				if large < 80*small+time.Second {
					return
				}
			}
			t.Fatal("lowering isn't linear")
		}
		t.Run(name, func(t *testing.T) { linear(t, options(t, 1)) })
		t.Run(name+", fused", func(t *testing.T) { linear(t, fusing(options(t, 1))) })
	}
}
