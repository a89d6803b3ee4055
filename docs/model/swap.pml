/* The swap as monitor/swap_machine performs it, step by step and over restarts: journal, read, journal,
 * compare-and-set write on value and generation, read back, commit; and the fence, when the reason
 * vanishes while a write may be under way.
 *
 * Around it everything that may happen happens in every order: a crash between any two steps, packets
 * that are lost, late or repeated, answers that are lost (a write is always "perhaps"), readings that
 * fail, a reason that comes and goes, a server that takes the generation and passes over the record.
 *
 * With -DLEAVE the service may also turn its back on the provider in mid-swap, and come to the same name
 * server by another way: what it sent is left behind.
 *
 * `scripts/check-model` runs it; README.md beside it says what holds, and which three ways of breaking it
 * are found:  -DVALUE_GUARD,  -DNO_FENCE  and  -DLEAVE -DNO_RAISE.
 */
#define P 0
#define B 1
#ifndef MAXGEN
#define MAXGEN 5                         /* bounds the state space */
#endif
#ifndef WIRE
#define WIRE 2                           /* packets that can still take effect, at once */
#endif

byte dns_val = P, dns_gen = 0;           /* the name server: one record and its generation */
byte want = P;                           /* what the health machines say now */

/* The journal survives a crash; each change of it is one transaction. */
byte held_val = P, held_gen = 0;         /* the state row: what is served, with its generation */
bool opened = false, sent = false, fenced = false;
byte from_val, from_gen, to_val, to_gen; /* the intent; its fence is (from_val, to_gen + 1) */

/* A write was left behind, and it is not known to be over; `spent` is the highest generation that it may have.
 * Both are in the state row: its generation, which is more than the one that is read. */
bool left = false; byte spent = 0;
#define LATE (left && n_gen[i] <= spent)

/* SwapMachine and the coroutine around it; all of it is gone after a crash. */
mtype = { idle, read_before, journal_sent, write, read_back, waiting, journal_fence, journal_again };
mtype at = idle, after = idle;
bool recovering = false, written = false, unwanted = false;

bool used[WIRE]; byte e_val[WIRE], e_gen[WIRE], n_val[WIRE], n_gen[WIRE];

/* A packet that finds no room on the wire was lost before it left. */
inline transmit(nv, ng) {
  k = 0;
  do
  :: k < WIRE && !used[k] ->
       used[k] = true; e_val[k] = from_val; e_gen[k] = from_gen; n_val[k] = nv; n_gen[k] = ng; break
  :: k < WIRE && used[k] -> k++
  :: k >= WIRE -> break
  od;
  k = 0
}

inline rest() { at = idle; after = idle; recovering = false; written = false; unwanted = false }
inline close() {
  opened = false; sent = false; fenced = false; from_val = 0; from_gen = 0; to_val = 0; to_gen = 0;
  rest()
}
inline settled() { left = false; spent = 0 }
inline pause(then) { after = then; at = waiting }

#ifdef VALUE_GUARD
#define MATCH (dns_val == e_val[i])
#else
#define MATCH (dns_val == e_val[i] && dns_gen == e_gen[i])
#endif
#define IS_SWAP  (n_val[i] == to_val   && n_gen[i] == to_gen)
#define IS_FENCE (fenced && n_val[i] == from_val && n_gen[i] == to_gen + 1)

active proctype Network() {
  byte i;
end:
  do
  :: i = 0
  :: i = 1
#if WIRE > 2
  :: i = 2
#endif
  :: d_step { used[i] && MATCH ->
       assert(LATE || (opened && sent && (IS_SWAP || IS_FENCE))); /* nothing changes that is not journalled and open */
       dns_val = n_val[i]; dns_gen = n_gen[i] }
#ifdef HALF
  :: d_step { used[i] && MATCH && n_val[i] != dns_val ->    /* the generation is taken, the record is not */
       assert(LATE || (opened && sent && (IS_SWAP || IS_FENCE)));
       dns_gen = n_gen[i] }
#endif
  :: d_step { used[i] -> used[i] = false; e_val[i] = 0; e_gen[i] = 0; n_val[i] = 0; n_gen[i] = 0 }
  od
}

active proctype Health() {
end:
  do
  :: want == P -> want = B
  :: want == B -> want = P
  od
}

#define SWAP_THERE  (dns_val == to_val && dns_gen == to_gen)
#define FENCE_THERE (fenced && dns_val == from_val && dns_gen == to_gen + 1)
#define OLD_THERE   (dns_val == from_val && dns_gen == from_gen)
#define HALF_THERE  (dns_val == from_val && dns_gen == to_gen)
#define WANTED      (want == to_val)

active proctype Writer() {
  byte k;
end:
  do
  /* a new swap: `prepared` is durable before anything else is done */
  :: atomic { at == idle && !opened && !left && want != held_val && held_gen + 2 <= MAXGEN ->
       opened = true; from_val = held_val; from_gen = held_gen; to_val = want; to_gen = held_gen + 1;
       at = read_before }
  /* a start that finds an intent open */
  :: atomic { at == idle && opened && !sent -> close() }
  :: atomic { at == idle && opened && sent -> recovering = true; unwanted = fenced; at = read_back }

  :: atomic { at == read_before && !WANTED -> close() }
  :: atomic { at == read_before -> pause(read_before) }                        /* unreadable */
  :: atomic { at == read_before && WANTED && OLD_THERE -> at = journal_sent }
  :: atomic { at == read_before && !OLD_THERE -> assert(left); close() }
  :: atomic { at == journal_sent -> sent = true; at = write }                  /* durable before the packet */

  :: atomic { at == write && !written && !recovering && !fenced && !WANTED -> close() }   /* withdrawn */
  :: atomic { at == write && (written || recovering || fenced || WANTED) ->
       if
       :: fenced -> transmit(from_val, to_gen + 1)
       :: else -> transmit(to_val, to_gen)
       fi;
       written = true; at = read_back }

  :: atomic { at == read_back -> pause(read_back) }                            /* unreadable */
  :: atomic { at == read_back && SWAP_THERE -> held_val = to_val; held_gen = to_gen; settled(); close() }
  :: atomic { at == read_back && FENCE_THERE -> held_val = from_val; held_gen = to_gen + 1; settled(); close() }
  :: atomic { at == read_back && OLD_THERE ->
       if
       :: unwanted && !fenced -> at = journal_fence
       :: else -> pause(write)
       fi }
  :: atomic { at == read_back && HALF_THERE ->                                 /* the swap's own packets are dead now */
       if
       :: unwanted || fenced || to_gen + 2 > MAXGEN -> held_val = dns_val; held_gen = dns_gen; settled(); close()
       :: else -> pause(journal_again)
       fi }
  :: at == read_back -> assert(SWAP_THERE || FENCE_THERE || OLD_THERE || HALF_THERE || left)
  :: atomic { at == read_back && left && !(SWAP_THERE || FENCE_THERE || OLD_THERE || HALF_THERE) -> close() }

  /* the pause: a restart waits here until a fresh round has decided, which is to say for as long as it likes */
  :: atomic { at == waiting && fenced -> at = after }
  :: atomic { at == waiting && !fenced && after == read_back -> unwanted = !WANTED; at = read_back }
  :: atomic { at == waiting && !fenced && after != read_back && WANTED -> unwanted = false; at = after }
  :: atomic { at == waiting && !fenced && after != read_back && !WANTED ->
       if
       :: !sent -> close()
       :: sent && after == journal_again -> held_val = from_val; held_gen = to_gen; settled(); close()
       :: else ->
#ifdef NO_FENCE
            close()
#else
            at = journal_fence
#endif
       fi }
  :: atomic { at == journal_fence -> fenced = true; at = write }
  :: atomic { at == journal_again -> from_gen = to_gen; to_gen++; at = write }

#ifdef LEAVE
  /* another way to the same server; nothing more is asked on the old one, where it answers or not */
  :: atomic { at != idle && opened && sent && (written || recovering) ->
       spent = (fenced -> to_gen + 1 : to_gen); left = true; close() }
  /* what stands there is read; a write of a higher generation follows, and only one */
  :: atomic { at == idle && !opened && left && dns_gen >= spent -> held_val = dns_val; held_gen = dns_gen; settled() }
#ifdef NO_RAISE
  :: atomic { at == idle && !opened && left -> held_val = dns_val; held_gen = dns_gen; settled() }
#else
  :: atomic { at == idle && !opened && left && dns_gen < spent && spent + 2 <= MAXGEN ->
       opened = true; from_val = dns_val; from_gen = dns_gen; to_val = want; to_gen = spent + 1; at = read_before }
#endif
#endif

  /* kill -9 */
  :: atomic { at != idle -> rest() }
  od
}

/* at rest, what we believe is what is served */
active proctype Monitor() {
end:
  assert(opened || left || (dns_val == held_val && dns_gen == held_gen))
}
