package engine_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// act takes drawn actions: writes and reads of states, reads of nodes, steps.
func (h *harness) act(t *rapid.T, extra map[string]func()) {
	names := h.names()
	var states []*ir.State
	for _, s := range h.model.plan.Graph.States {
		if s.Type.DType == ir.F32 {
			states = append(states, s)
		}
	}
	serial := int64(1000)
	value := func(s *ir.State) *ir.Tensor {
		serial++
		return uniform(s.Type.Shape, serial)
	}
	actions := map[string]func(){
		"set": func() {
			s := states[rapid.IntRange(0, len(states)-1).Draw(t, "state")]
			h.set(map[string]*ir.Tensor{s.Name: value(s)})
		},
		"set several": func() {
			values := map[string]*ir.Tensor{}
			for range rapid.IntRange(0, 3).Draw(t, "several") {
				s := states[rapid.IntRange(0, len(states)-1).Draw(t, "state")]
				values[s.Name] = value(s)
			}
			h.set(values)
		},
		"rewind": func() {
			h.set(map[string]*ir.Tensor{"step": ir.ScalarTensor(ir.I64, rapid.IntRange(0, 3).Draw(t, "to"))})
		},
		"get":  func() { h.get(rapid.SampledFrom(names).Draw(t, "name")) },
		"step": h.step,
		"several steps": func() {
			for range rapid.IntRange(2, 6).Draw(t, "steps") {
				h.step()
			}
		},
	}
	order := []string{"get", "step", "set", "several steps", "set several", "rewind"}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		actions[name] = extra[name]
		order = append(order, name)
	}
	for range rapid.IntRange(1, 20).Draw(t, "actions") {
		actions[rapid.SampledFrom(order).Draw(t, "action")]()
	}
}

func TestEveryReadIsFreshAndEveryRunIsNeeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHarness(t, together)
		h.act(t, map[string]func(){"count": h.counted})
		for _, name := range h.names() {
			h.get(name)
		}
		h.counted()
	})
}

func TestASettledRandomProgramReplaysEveryStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHarnessOn(t, traced, rapid.SampledFrom([]machines{machine, unified}).Draw(t, "machine"))
		if _, unset := h.model.needed(h.model.plan.Graph.Roots()); unset {
			for _, s := range h.model.plan.Graph.States {
				if h.model.states[s.Name] == nil {
					h.set(map[string]*ir.Tensor{s.Name: uniform(s.Type.Shape, 1)})
				}
			}
		}
		// What a write changes reaches one more state with every step. Then each
		// step has the work of the one before, and the first of these is
		// recorded.
		for range len(h.model.plan.Graph.States) + 2 {
			require.NoError(t, h.first.Step(ctx))
		}
		h.runs = h.runs[:0]
		require.NoError(t, h.first.Step(ctx))
		if h.model.plan.Graph.State("step").Next != nil {
			require.NotEmpty(t, h.runs)
		}
		for _, e := range h.runs {
			require.True(t, e.Replay)
		}
	})
}

func TestAnyOrderOfReadyNodesGivesTheSameBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		machine := rapid.SampledFrom([]machines{machine, unified}).Draw(t, "machine")
		p := drawProgram(t, machine(t, 2))
		o := lower.Options{Default: rapid.IntRange(0, 2).Draw(t, "default"), KeepScans: rapid.Bool().Draw(t, "loops")}
		var want []*ir.Tensor
		for seed := range int64(4) {
			o.Shuffle = seed
			s := start(t, p, machine(t, 2), o, engine.Options{})
			for _, st := range p.graph.States {
				if p.values[st.Name] == nil {
					set(t, s, st.Name, uniform(st.Type.Shape, 1))
				}
			}
			var got []*ir.Tensor
			for range 2 {
				steps(t, s, 2)
				for _, st := range p.graph.States {
					got = append(got, get(t, s, st.Name))
				}
				for _, out := range p.graph.Outputs {
					got = append(got, get(t, s, out.Name))
				}
			}
			if want == nil {
				want = got
			}
			for i := range want {
				same(t, want[i], got[i], "a value in another order")
			}
		}
	})
}

func TestAfterAFaultEveryReadIsRightOrAnError(t *testing.T) {
	for name, c := range map[string]sessions{"eager and recorded": traced, "replayed without looking": untraced} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { actUnderFaults(t, newHarness(t, c)) }) })
	}
}

func actUnderFaults(t *rapid.T, h *harness) {
	h.act(t, map[string]func(){
		"break": func() {
			breaks(h.devices[rapid.IntRange(0, 2).Draw(t, "device")], rapid.IntRange(0, 30).Draw(t, "after"))
		},
		"restore": h.restore,
	})
	for _, d := range h.devices {
		breaks(d, -1)
	}
	h.restore()
	for range 3 {
		h.step()
		for _, name := range h.names() {
			h.get(name)
		}
	}
	require.Empty(t, h.suspects)
}

// restore sets all suspect states, in one go.
func (h *harness) restore() {
	values := map[string]*ir.Tensor{}
	for _, name := range h.suspects {
		if v := h.model.states[name]; v != nil {
			values[name] = v
		} else {
			values[name] = uniform(h.model.plan.Graph.State(name).Type.Shape, 7)
		}
	}
	h.set(values)
}
