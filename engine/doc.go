// Package engine runs lowered plans, and never computes from a stale value.
//
// # Goals
//
// A value that is read equals what the plan would give if everything were
// computed from scratch (fresh). Nothing is computed needlessly (minimal). The cost
// of a demand depends on how much of it is out of date, not on the size of the graph
// (proportional). A step is all or nothing, also when something fails (consistent,
// safe).
//
// # Model
//
// Every value has a version, a number that only increases. An edge, from a value to
// a node that uses it, remembers the version that the node last used; it is dirty if
// the value has a newer one. A write (by Set, by a step's commit) increments the
// version of a state and marks everything downstream, stopping at nodes that are
// marked already. A demand visits marked nodes only.
//
// # Invariants
//
//  1. If a node is marked, everything downstream of it is marked.
//  2. A kept value that isn't marked is what its operands' current versions
//     give, and each of its in-edges is clean.
//  3. Only the end of a successful run clears a mark and updates in-edges.
//  4. A transient value is valid in the demand that computed it and never later.
//  5. Only a state's home is written, by Set between demands, and by a step's
//     last commands; wherever else it is needed, there is a copy node.
//  6. Commands run in the plan's order.
//
// # Why these give the goals
//
// Fresh: a write marks all that depends on it (1), a marked kept value is never used
// without being run, an unmarked one is current (2), and a transient one is run in
// every demand that needs it (4). Copies are nodes, so nothing needs to know about
// them. Minimal: an unmarked kept value is never run, and each node runs at most
// once per demand. Proportional: the walk stops at unmarked nodes. Safe: a failed run
// leaves marks and edges as they were (3), so the next demand runs the node again; a
// step's writes come last (5 and 6), so before the first of them nothing has changed,
// and after it the session refuses all demands until every state is restored.
//
// # Replay
//
// A step's work is which nodes it runs, which of them are marked, and which states
// are due. Its commands are recorded on a tape, with the work as the key, and
// replayed when a step has the same work. If two consecutive steps had the same work
// and nothing was written in between, the marks have reached a fixed point:
// (marks − run) ∪ marked-by-commit, applied twice, gives the same as once. From then
// on the tape is replayed without looking, and versions are updated when somebody
// asks; and a device that can ([device.Capturer]) captures consecutive commands as
// one, the loops of scans among them.
//
// # Who owns what
//
// [Session] is the lock and what callers see. It is composed of values (versions,
// marks, edges), memory (where values lie, on which device), commands (what
// computes and commits them, bound to memory), replayer (tapes, and the replays
// not yet counted) and faults (states that a failure has put in doubt). A runner
// is one call of Run: the loop around steps.
package engine
