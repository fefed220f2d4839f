package lower

import (
	"container/heap"
	"errors"

	"github.com/flowrun/flowrun/ir"
)

// schedule fixes the order of execution. Operands come before their users; all
// other readers of a state and of its aliases come before the node that writes its
// home; and nodes that write homes, and those that depend on them, come after all
// others, so that a step that fails early has changed nothing. Among the nodes that
// are ready, the order of a [walk] from the roots decides: it keeps values
// short-lived.
//
// If the writers of two states would have to wait for each other (a swap), one of
// the new values becomes a shadow: it is computed beside its home and copied there
// at the commit. Its node needn't come late then, so the order is computed again.
func schedule(p *Plan) error {
	g := p.Graph
	if p.options.Shuffle == 0 {
		err := p.reorder(func() error {
			if err := g.Sort(); err != nil {
				return err
			}
			walk(g)
			return nil
		})
		if err != nil {
			return err
		}
	}
	for {
		s := &scheduler{plan: p, users: g.Users(), missing: make([]int, len(g.Nodes)),
			guards: make([]int, len(g.Nodes)), after: map[*ir.Node][]*ir.Node{}, aliases: p.aliases()}
		if err := s.run(); err != nil {
			return err
		}
		if !s.yielded { // after one round that did, there is an order for the rest
			p.ordered = true
			storeInPlace(p)
			return p.reorder(func() error {
				g.Nodes = s.order
				number(g)
				return nil
			})
		}
	}
}

type scheduler struct {
	plan    *Plan
	users   [][]*ir.Node
	missing []int                   // operands not yet scheduled, by ID
	guards  []int                   // readers that must come first, not yet scheduled
	after   map[*ir.Node][]*ir.Node // reader -> writers that wait for it
	aliases map[*ir.Node][]*ir.Node
	late    []bool
	ready   readyQueue
	order   []*ir.Node
	blocked []*ir.Node // writers that wait, or waited, only for readers
	yielded bool       // whether one of them no longer is
}

func (s *scheduler) run() error {
	nodes := s.plan.Graph.Nodes
	s.late = make([]bool, len(nodes))
	for _, n := range nodes {
		s.missing[n.ID] = len(n.Inputs)
		if s.inPlace(n) {
			s.late[n.ID] = true
		}
		for _, in := range n.Inputs {
			s.late[n.ID] = s.late[n.ID] || s.late[in.ID]
		}
	}
	for _, st := range s.plan.Graph.States {
		if st.Next == nil || !s.inPlace(st.Next) {
			continue
		}
		seen := map[*ir.Node]bool{st.Next: true}
		for _, reader := range readers(st.Read, s.users, s.aliases) {
			if !seen[reader] {
				seen[reader] = true
				s.guards[st.Next.ID]++
				s.after[reader] = append(s.after[reader], st.Next)
			}
		}
	}
	s.ready.late = s.late
	for _, n := range nodes {
		s.offer(n)
	}
	for len(s.order) < len(nodes) {
		if s.ready.Len() == 0 {
			if err := s.yield(); err != nil {
				return err
			}
			continue
		}
		n := heap.Pop(&s.ready).(*ir.Node)
		s.order = append(s.order, n)
		for _, u := range s.users[n.ID] {
			s.missing[u.ID]--
			s.offer(u)
		}
		for _, w := range s.after[n] {
			if s.guards[w.ID] > 0 {
				s.guards[w.ID]--
				s.offer(w)
			}
		}
	}
	return nil
}

func (s *scheduler) inPlace(n *ir.Node) bool { return s.plan.Value(n).Storage == InPlace }

// offer queues n if it waits for nothing.
func (s *scheduler) offer(n *ir.Node) {
	switch {
	case s.missing[n.ID] != 0:
	case s.guards[n.ID] > 0:
		s.blocked = append(s.blocked, n)
	default:
		s.missing[n.ID] = -1 // once
		heap.Push(&s.ready, n)
	}
}

// yield makes a shadow of the first new value that waits only for readers.
func (s *scheduler) yield() error {
	for i, w := range s.blocked {
		if s.missing[w.ID] == 0 && s.guards[w.ID] > 0 {
			s.blocked = s.blocked[i+1:]
			s.guards[w.ID] = 0
			s.plan.Value(w).Storage = Transient
			s.yielded = true
			s.offer(w)
			return nil
		}
	}
	return errors.New("lower: no order of the nodes is possible")
}

// readyQueue is a heap of nodes: late ones last, then in depth-first order.
type readyQueue struct {
	nodes []*ir.Node
	late  []bool
}

func (q *readyQueue) Len() int      { return len(q.nodes) }
func (q *readyQueue) Swap(i, j int) { q.nodes[i], q.nodes[j] = q.nodes[j], q.nodes[i] }
func (q *readyQueue) Push(x any)    { q.nodes = append(q.nodes, x.(*ir.Node)) }
func (q *readyQueue) Pop() any {
	last := len(q.nodes) - 1
	n := q.nodes[last]
	q.nodes = q.nodes[:last]
	return n
}
func (q *readyQueue) Less(i, j int) bool {
	a, b := q.nodes[i].ID, q.nodes[j].ID
	if q.late[a] != q.late[b] {
		return !q.late[a]
	}
	return a < b
}
