package place

import "math"

// cut is a minimum cut between two vertices of a directed graph with capacities,
// found by Dinic's algorithm: while the sink can be reached, a flow saturates all
// shortest paths to it.
type cut struct {
	first []int32 // by vertex: its first edge; -1 for none
	edges []cutEdge
	looks int // edges looked at so far
}

// cutEdge is an edge; edge i^1 is the same one backwards.
type cutEdge struct {
	to, next int32
	room     int64 // what may still flow
}

// The two ends.
const (
	source int32 = 0
	sink   int32 = 1
)

const (
	// unlimited is the capacity of edges that can't be cut. The sum of all others is
	// less than a quarter of it: see layout.weigh.
	unlimited = math.MaxInt64 / 2
	// maxLooks bounds the work: how often each edge is looked at, on average. Graphs
	// of programs take some dozens.
	maxLooks = 200
)

func newCut() *cut { return &cut{first: []int32{-1, -1}} }

// vertex adds a vertex.
func (c *cut) vertex() int32 {
	c.first = append(c.first, -1)
	return int32(len(c.first) - 1)
}

// edge adds an edge, which is cut if it leads from the source's side to the sink's.
func (c *cut) edge(from, to int32, capacity int64) {
	if capacity <= 0 || from == to || to == source || from == sink {
		return
	}
	c.edges = append(c.edges, cutEdge{to, c.first[from], capacity})
	c.first[from] = int32(len(c.edges) - 1)
	c.edges = append(c.edges, cutEdge{from, c.first[to], 0})
	c.first[to] = int32(len(c.edges) - 1)
}

// sinkSide gives the vertices on the sink's side, by number. Among minimum cuts it
// is the one with the fewest, which doesn't depend on the order of edges. It is nil
// if the work exceeds its bound.
func (c *cut) sinkSide() []bool {
	distance := make([]int32, len(c.first))
	at := make([]int32, len(c.first))
	queue := make([]int32, 0, len(c.first))
	var way []int32 // the path from the source to where the search is
	most := maxLooks * (len(c.edges) + 1)
	for {
		queue = c.distances(distance, queue)
		if c.looks += len(c.edges); c.looks > most {
			return nil
		}
		if distance[source] < 0 {
			break
		}
		copy(at, c.first)
		v := source
		for v != sink || len(way) > 0 {
			if v == sink {
				way, v = c.fill(way)
				continue
			}
			e := at[v]
			for ; e >= 0; e = c.edges[e].next {
				c.looks++
				if c.edges[e].room > 0 && distance[c.edges[e].to] == distance[v]-1 {
					break
				}
			}
			at[v] = e
			switch {
			case c.looks > most:
				return nil
			case e >= 0:
				way = append(way, e)
				v = c.edges[e].to
			case len(way) > 0: // go back, and don't come here again
				back := way[len(way)-1]
				way = way[:len(way)-1]
				v = c.edges[back^1].to
				at[v] = c.edges[at[v]].next
			default:
				v = sink // there is no further path
			}
		}
	}
	side := make([]bool, len(c.first))
	for v, d := range distance {
		side[v] = d >= 0
	}
	return side
}

// distances counts the edges with room from each vertex to the sink; -1 without a path.
func (c *cut) distances(distance, queue []int32) []int32 {
	for v := range distance {
		distance[v] = -1
	}
	distance[sink] = 0
	queue = append(queue[:0], sink)
	for i := 0; i < len(queue); i++ {
		v := queue[i]
		for e := c.first[v]; e >= 0; e = c.edges[e].next {
			if u := c.edges[e].to; distance[u] < 0 && c.edges[e^1].room > 0 {
				distance[u] = distance[v] + 1
				queue = append(queue, u)
			}
		}
	}
	return queue
}

// fill saturates a path, and gives the part before its first full edge, and its end.
func (c *cut) fill(way []int32) ([]int32, int32) {
	room := int64(unlimited)
	for _, e := range way {
		room = min(room, c.edges[e].room)
	}
	full := -1
	for i, e := range way {
		c.edges[e].room -= room
		c.edges[e^1].room += room
		if full < 0 && c.edges[e].room == 0 {
			full = i
		}
	}
	v := c.edges[way[full]^1].to
	return way[:full], v
}
