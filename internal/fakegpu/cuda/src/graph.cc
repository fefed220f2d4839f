// Graphs. Their nodes run in a random order that the edges allow.

#include "fake.h"

#include <cstring>

struct Graph;

struct Node {
    Graph *graph;
    std::vector<Node *> after; // what it waits for
    bool kernel;
    Launch launch;
    char *to, *from;
    size_t bytes;
};

struct Graph {
    std::vector<std::unique_ptr<Node>> nodes;
};

// An executable graph: its nodes, each with the numbers of those that it waits for.
struct Exec {
    Context *context;
    std::vector<Node> nodes;
    std::vector<std::vector<size_t>> after;
};

struct KernelParams { // CUDA_KERNEL_NODE_PARAMS_v2
    Function *function;
    unsigned grid[3], block[3], shared;
    void **parameters, **extra;
    void *kernel, *context;
};

struct Side {
    size_t x, y, z, level;
    unsigned type;
    void *host;
    char *at;
    void *array, *reserved;
    size_t pitch, height;
};

struct CopyParams { // CUDA_MEMCPY3D_v2
    Side from, to;
    size_t bytes, height, depth;
};

static Handles<Graph> graphs{"graph", {}};
static Handles<Exec> execs{"executable graph", {}};

static void check(const char *function, const Node &n, Context *c, When when) {
    if (n.kernel) return n.launch.check(function, when);
    usable(function, n.to, n.bytes, c, when);
    usable(function, n.from, n.bytes, c, when);
}

static void run(const Exec &e) {
    std::vector<bool> done(e.nodes.size());
    for (size_t left = e.nodes.size(); left > 0; left--) {
        std::vector<size_t> ready;
        for (size_t i = 0; i < e.nodes.size(); i++) {
            bool free = !done[i];
            for (size_t a : e.after[i]) free = free && done[a];
            if (free) ready.push_back(i);
        }
        size_t chosen = ready[random(unsigned(ready.size()))];
        const Node &n = e.nodes[chosen];
        check("cuGraphLaunch", n, e.context, RUNNING);
        if (n.kernel) n.launch.run();
        else memcpy(n.to, n.from, n.bytes);
        if (e.context->lost) return;
        done[chosen] = true;
    }
}

static Node *add(const char *function, Graph *g, Node *const *after, size_t count) {
    graphs.check(function, g);
    Node *n = new Node{g, {}, false, {}, nullptr, nullptr, 0};
    for (size_t i = 0; i < count; i++) {
        if (after[i]->graph != g) wrong(function, "an edge to a node of another graph");
        n->after.push_back(after[i]);
    }
    g->nodes.emplace_back(n);
    return n;
}

static Exec flat(Graph *g, Context *c) {
    Exec e{c, {}, {}};
    std::map<Node *, size_t> number;
    for (auto &n : g->nodes) {
        e.after.emplace_back();
        for (Node *a : n->after) e.after.back().push_back(number.at(a));
        number[n.get()] = e.nodes.size();
        e.nodes.push_back(*n);
    }
    return e;
}

extern "C" {

Result cuGraphCreate(Graph **g, unsigned) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    *g = graphs.add(new Graph);
    return SUCCESS;
}

Result cuGraphDestroy(Graph *g) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    graphs.remove("cuGraphDestroy", g);
    return SUCCESS;
}

Result cuGraphAddKernelNode_v2(Node **node, Graph *g, Node *const *after, size_t count, const KernelParams *p) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (p->extra || p->kernel || p->context) wrong("cuGraphAddKernelNode", "unused fields must be 0");
    Node *n = add("cuGraphAddKernelNode", g, after, count);
    n->kernel = true;
    n->launch = launch("cuGraphAddKernelNode", p->function, p->grid, p->block, p->shared, p->parameters);
    *node = n;
    return SUCCESS;
}

Result cuGraphAddMemcpyNode(Node **node, Graph *g, Node *const *after, size_t count, const CopyParams *p, Context *c) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (p->from.type != 2 || p->to.type != 2 || p->height != 1 || p->depth != 1 || p->from.pitch < p->bytes || p->to.pitch < p->bytes)
        wrong("cuGraphAddMemcpyNode", "not a one-dimensional copy from device to device");
    Node *n = add("cuGraphAddMemcpyNode", g, after, count);
    n->to = p->to.at;
    n->from = p->from.at;
    n->bytes = p->bytes;
    check("cuGraphAddMemcpyNode", *n, c, QUEUED);
    *node = n;
    return SUCCESS;
}

Result cuGraphInstantiateWithFlags(Exec **e, Graph *g, unsigned long long) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    Context *c = current("cuGraphInstantiate");
    *e = execs.add(new Exec(flat(graphs.check("cuGraphInstantiate", g), c)));
    return SUCCESS;
}

// Takes the graph's arguments if everything else is equal.
Result cuGraphExecUpdate_v2(Exec *e, Graph *g, void *) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    execs.check("cuGraphExecUpdate", e);
    Exec n = flat(graphs.check("cuGraphExecUpdate", g), e->context);
    bool same = n.after == e->after;
    for (size_t i = 0; same && i < n.nodes.size(); i++)
        same = n.nodes[i].kernel == e->nodes[i].kernel && n.nodes[i].launch.function == e->nodes[i].launch.function;
    if (!same) return GRAPH_EXEC_UPDATE_FAILURE;
    *e = n;
    return SUCCESS;
}

Result cuGraphLaunch(Exec *e, Stream *s) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    stream("cuGraphLaunch", s);
    if (execs.check("cuGraphLaunch", e)->context != s->context) wrong("cuGraphLaunch", "the graph is another context's");
    for (const Node &n : e->nodes) check("cuGraphLaunch", n, e->context, QUEUED);
    Exec now = *e; // later updates affect only later launches
    enqueue(s, "a graph", [now] { run(now); });
    return s->context->lost;
}

Result cuGraphExecDestroy(Exec *e) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    execs.remove("cuGraphExecDestroy", e);
    return SUCCESS;
}
}
