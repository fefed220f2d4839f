// What threads do together: values that a team joins.
//
// A team is `team` neighbouring threads of a threadgroup, a power of two, which
// share a row. A threadgroup has whole simdgroups. Which threads a simdgroup has
// is for Metal to say, so threads are counted through their simdgroups: simdgroup by
// simdgroup, and in each lane by lane.

// The threads of a simdgroup. Apple's GPUs have 32; a device with another number
// can't run these kernels.
#define SIMDGROUP 32

// What a team's threads are to each other: which row they share, and which of its
// members this one is; and which lane of which simdgroup it is.
struct post {
    int row, member;
    u32 simdgroup, lane;
};

DEVICE post post_in(int team, u32 group, u32 size, u32 simdgroup, u32 lane) {
    u32 number = group * size + simdgroup * SIMDGROUP + lane;
    return post{(int)(number / (u32)team), (int)(number & (u32)(team - 1)), simdgroup, lane};
}

// exchange gives a lane the value of the one whose number differs in the bits of
// reach. All lanes of the simdgroup take part. Metal exchanges no structs and
// nothing of 64 bits, so it is done by words. It has a namespace, as a template of
// Metal's by this name would be taken instead, did it fit better.
namespace flowrun {
template <class value> DEVICE value exchange(value v, u32 reach) {
    union {
        value whole;
        u32 words[sizeof(value) / sizeof(u32)];
    } mine, other;
    mine.whole = v;
#pragma unroll
    for (u32 i = 0; i < sizeof(value) / sizeof(u32); i++) {
        other.words[i] = simd_shuffle_xor(mine.words[i], (ushort)reach);
    }
    return other.whole;
}
} // namespace flowrun

// TEAM_FOLD defines two functions. NAME_lanes joins the values of `lanes`
// neighbouring lanes, a power of two, and NAME those of all members of a team, in an
// order that depends on the team's size alone; each of them gets the result. All
// threads of the threadgroup must call them. NAME takes memory of the threadgroup
// for a value of each of its simdgroups: SIMDGROUP are enough.
#define TEAM_FOLD(NAME, TYPE, JOIN)                                                   \
    DEVICE TYPE NAME##_lanes(TYPE v, int lanes, u32 lane) {                    \
        for (int reach = 1; reach < lanes; reach *= 2) {                              \
            TYPE other = flowrun::exchange(v, reach);                                     \
            v = lane & reach ? JOIN(other, v) : JOIN(v, other);                       \
        }                                                                             \
        return v;                                                                     \
    }                                                                                 \
    DEVICE TYPE NAME(threadgroup TYPE *of_simdgroup, TYPE v, int team, post p) { \
        if (team <= SIMDGROUP) {                                                      \
            return NAME##_lanes(v, team, p.lane);                                     \
        }                                                                             \
        v = NAME##_lanes(v, SIMDGROUP, p.lane);                                       \
        u32 many = team / SIMDGROUP;                                                  \
        if (p.lane == 0) {                                                            \
            of_simdgroup[p.simdgroup] = v;                                            \
        }                                                                             \
        threadgroup_barrier(mem_flags::mem_threadgroup);                              \
        v = of_simdgroup[(p.simdgroup & -many) + (p.lane & (many - 1))];              \
        v = NAME##_lanes(v, many, p.lane);                                            \
        threadgroup_barrier(mem_flags::mem_threadgroup); /* before the next writes */ \
        return v;                                                                     \
    }

// TEAM_SCAN defines a function that gives each member of a team the values of all
// members up to itself, joined in order, and in `all` those of the whole team: in round
// s every member joins what the one 2^s before it has to its own (Hillis and Steele,
// "Data parallel algorithms", 1986). All threads of the threadgroup must call it.
#define TEAM_SCAN(NAME, TYPE, JOIN)                                                                \
    DEVICE TYPE NAME(threadgroup TYPE *scratch, TYPE v, int team, post p, thread TYPE &all) {       \
        int me = p.simdgroup * SIMDGROUP + p.lane, member = p.member;                              \
        scratch[me] = v;                                                                           \
        for (int reach = 1; reach < team; reach *= 2) {                                            \
            threadgroup_barrier(mem_flags::mem_threadgroup);                                       \
            TYPE earlier = scratch[member >= reach ? me - reach : me];                             \
            threadgroup_barrier(mem_flags::mem_threadgroup);                                       \
            if (member >= reach) {                                                                 \
                v = JOIN(earlier, v);                                                              \
                scratch[me] = v;                                                                   \
            }                                                                                      \
        }                                                                                          \
        threadgroup_barrier(mem_flags::mem_threadgroup);                                           \
        all = scratch[me - member + team - 1];                                                     \
        threadgroup_barrier(mem_flags::mem_threadgroup);                                           \
        return v;                                                                                  \
    }
