// Package engine runs lowered plans, and never computes from a stale value.
//
// # Goals
//
// A value that is read equals what the plan would give if everything were
// computed anew (fresh). Nothing is computed that didn't have to be (minimal).
// A demand costs what is out of date in front of it, not what the graph is
// large (proportional). A step is all or nothing, also when something fails
// (consistent, safe).
//
// # Model
//
// Every value has a version, a number that only grows. An edge, from a value to
// a node that uses it, remembers the version that the node last used; it is
// dirty when the value has a newer one. A write (by Set, by a step's commit)
// raises the version of a state and marks everything downstream, stopping at
// what is marked already. A demand visits marked nodes only.
//
// # Invariants
//
//  1. If a node is marked, everything downstream of it is marked.
//  2. A kept value that isn't marked is what its operands' current versions
//     give, and each of its in-edges is clean.
//  3. Only the end of a successful run clears a mark and updates in-edges.
//  4. A transient value is valid in the demand that computed it and never later.
//  5. Only a state's home is written, by Set between demands, and by a step's
//     last commands; every other place that needs it has a copy node.
//  6. Commands run in the plan's order.
//
// # Why these give the goals
//
// Fresh: a write marks all that depends on it (1, kept up by marking at the
// write), a marked kept value is never used without being run, an unmarked one
// is current (2), a transient one is run in every demand that needs it (4).
// Copies are nodes, so nothing needs to know of them. Minimal: an unmarked kept
// value is never run; each node runs at most once per demand since the demand's
// work is a set. Proportional: the walk stops at unmarked nodes. Safe: a failed
// run leaves marks and edges as they were (3), so the next demand runs the node
// again; a step's writes come last (5 and the plan's order), so before the
// first of them nothing has changed, and after it the session refuses all
// demands until every state is restored.
//
// # Replay
//
// What a step has to run follows from its work: which nodes, which of them
// marked, which states are due. A step's commands are recorded on a tape under
// exactly that, and replayed when the next step finds the same. When two steps in
// a row had the same work and nothing was written in between, the marks have
// reached a fixed point: (marks − run) ∪ marked-by-commit, applied twice, gives
// what it gave once. From then on the tape is replayed without looking, and
// versions are counted up when somebody next asks. From then on, too, a device
// that can ([device.Recorder]) captures consecutive commands as one.
//
// # Who owns what
//
// [Session] is the lock and what callers see. It is composed of values (versions,
// marks, edges), memory (where values lie, on which device), commands (what
// computes and commits them, bound to memory), replayer (tapes, and the replays
// not yet counted) and faults (states that a failure has put in doubt). A runner
// is one call of Run: the loop around steps.
package engine
