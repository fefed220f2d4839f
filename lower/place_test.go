package lower

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

func TestPatternsMatchPaths(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"h1", "h1", true},
		{"h1", "h12", false},
		{"", "", true},
		{"*", "", true},
		{"*", "anything.at.all", true},
		{"*.weight", "fc1.weight", true},
		{"*.weight", "weight", false},
		{"*weight", "weight", true},
		{"fc*.weight", "fc1.weight", true},
		{"fc*.weight", "fc.weight", true},
		{"fc*.weight", "gc1.weight", false},
		{"a*b*c", "a.b.b.c", true},
		{"a*b*c", "a.c.b", false},
		{"a*b*b", "a.b", false},       // one b can't be both
		{"aa*a", "aa", false},         // nor one a
		{"*aba*aba*", "ababa", false}, // nor may two parts overlap
		{"h[*]", "h[3]", true},        // brackets are no classes
		{"h.*", "h.x.y", true},
		{"**", "x", true},
	} {
		require.Equal(t, c.want, ir.NewPattern(c.pattern).Match(c.path), "%q %q", c.pattern, c.path)
	}
}

// placed lowers a node and a state "w" with their own wishes, and some rules.
func placed(t *testing.T, device, prefer string, rules ...ir.PlacementRule) (node, home, nodeReason, homeReason string) {
	b := newProgram()
	w := b.param("w", 4)
	w.Device, w.Prefer = device, prefer
	n := b.output("y", b.op("tanh", w.Read))
	n.Device, n.Prefer = device, prefer
	o := options(t, 1)
	o.Rules = rules
	p := b.plan(t, o)
	y, s := p.named("y"), p.state("w")
	return p.Targets[y.Space].Name, p.Targets[s.Home].Name, p.Value(y).Reason, p.Homes[s]
}

func TestTheMostSpecificPlacementApplies(t *testing.T) {
	for _, c := range []struct {
		name, device, prefer string
		rules                []ir.PlacementRule
		where, reason        string
	}{
		{"nothing said", "", "", nil, "sim:0", "default"},
		{"its own device", "sim:1", "", []ir.PlacementRule{{Match: "*", Device: "cpu"}}, "sim:1", "its own device:"},
		{"its own wish", "", "sim:1", []ir.PlacementRule{{Match: "*", Device: "cpu"}}, "sim:1", "its own prefer:"},
		{"a rule", "", "", []ir.PlacementRule{{Match: "*", Device: "cpu"}, {Match: "z", Device: "sim:1"}}, "cpu", `placement rule "*"`},
		{"the last rule that matches", "", "", []ir.PlacementRule{{Match: "*", Device: "cpu"}, {Match: "*", Device: "sim:1"}}, "sim:1", `placement rule "*"`},
		{"a rule's wish", "", "", []ir.PlacementRule{{Match: "*", Prefer: "cpu"}}, "cpu", `preferred by placement rule "*"`},
		{"a device without number", "sim", "", nil, "sim:0", "its own device:"},
		{"a wish that can't be", "", "cuda:0", nil, "sim:0", "default; the preferred cuda:0 is not available"},
	} {
		t.Run(c.name, func(t *testing.T) {
			node, home, nodeReason, homeReason := placed(t, c.device, c.prefer, c.rules...)
			require.Equal(t, c.where, node)
			require.Equal(t, c.where, home)
			require.Equal(t, c.reason, nodeReason)
			require.Equal(t, c.reason, homeReason)
		})
	}
}

func TestAMissingDeviceIsAnErrorWithItsPosition(t *testing.T) {
	at := diag.Range{File: "net.yaml", Start: diag.Pos{Line: 3, Col: 5}, End: diag.Pos{Line: 3, Col: 9}}
	for _, rule := range []bool{false, true} {
		b := newProgram()
		n := b.output("h1", b.op("tanh", b.param("w", 4).Read))
		n.Origin = at
		o := options(t, 0)
		if rule {
			o.Rules = []ir.PlacementRule{{Match: "h*", Device: "cuda:7"}}
		} else {
			n.Device = "cuda:7"
		}
		_, err := Lower(b.Graph, o)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, at, e.Range)
		require.Equal(t, "no-device", e.Rule)
		require.ErrorContains(t, err, "h1 must run on cuda:7")
		require.ErrorContains(t, err, "net.yaml:3:5")
		require.Equal(t, "the devices are cpu, sim:0, sim:1", e.Help)
	}
}

func TestAMissingHomeIsAnErrorThatNamesItsState(t *testing.T) {
	b := newProgram()
	b.param("fc.weight", 4).Device = "metal:0"
	_, err := Lower(b.Graph, options(t, 0))
	require.ErrorContains(t, err, "fc.weight must run on metal:0")
}

func TestDataIsReadByTheHost(t *testing.T) {
	b := newProgram()
	b.output("batch", b.on("", "source", b.step.Read, "data", "x", "f32", []any{4}))
	b.output("y", b.op("tanh", b.Graph.Outputs[0].Node))
	p := b.plan(t, options(t, 1))
	require.Equal(t, 0, p.named("batch").Space)
	require.Equal(t, 1, p.named("y").Space)
	require.Equal(t, 2, p.count("copy"), "the counter to the host, the batch from it")
}

func TestAConstantIsWhereItIsUsed(t *testing.T) {
	b := newProgram()
	x := b.param("x", 4)
	x.Device = "cpu"
	c := b.Const(ir.FromFloat32(ir.Shape{4}, []float32{1, 2, 3, 4}))
	b.output("y", b.on("sim:1", "add", x.Read, c))
	p := b.plan(t, options(t, 0))
	for _, n := range p.Graph.Nodes {
		if n.Op == ir.ConstOp && len(n.Type.Shape) == 1 {
			require.Equal(t, 2, n.Space)
		}
	}
	require.Equal(t, 1, p.count("copy"), "x; the constant needs none")
}

func TestLoweringNeedsATarget(t *testing.T) {
	_, err := Lower(newProgram().Graph, Options{})
	require.ErrorContains(t, err, "no target")
	o := options(t, 3)
	_, err = Lower(newProgram().Graph, o)
	require.ErrorContains(t, err, "no target")
}

func TestLoweringLeavesTheGraphAsItIs(t *testing.T) {
	b := newProgram()
	w := b.param("w", 4)
	w.Next = b.on("sim:1", "sub", w.Read, b.op("mean", b.op("tanh", w.Read)))
	var before, after text
	require.NoError(t, ir.Fprint(&before, b.Graph))
	b.plan(t, options(t, 1))
	require.NoError(t, ir.Fprint(&after, b.Graph))
	require.Equal(t, before, after)
	require.Equal(t, -1, w.Home)
}

// text is a string that can be written to.
type text string

func (s *text) Write(p []byte) (int, error) {
	*s += text(p)
	return len(p), nil
}
