#pragma once

// How fast evidence can grow at best, in nats (natural logarithms) a request. The measure of every
// judge, and what planning needs.

namespace serin::statistics {

// KL(p || q) of two coins: what one toss of a coin with rate p says against rate q.
double divergence(double p, double q);

// A null hypothesis H0 about the rates of both arms, named by the side on which evidence against it
// lies: `above` looks for a canary rate above ratio * stable + difference, so H0 is canary <= that;
// `below` is the opposite.
enum class Side { above, below };

struct Null {
    double ratio = 1;
    double difference = 0;
    Side side = Side::above;
    friend bool operator==(const Null&, const Null&) = default;
};

struct Rates {
    double canary = 0;
    double stable = 0;
};

struct Sizes {
    double canary = 0;
    double stable = 0;
};

// Whether the rates belong to H0.
bool holds(const Null& null, Rates rates);

// The rates of H0 nearest to `rates`: those that minimise the divergence of a block of these sizes.
// They are what makes a likelihood ratio an e-value against all of H0. `rates` themselves if they
// belong to H0, or if H0 has no point inside the unit square to compare with.
// REQUIRES: rates strictly between 0 and 1.
Rates project(const Null& null, Rates rates, Sizes sizes);

// The most that one canary request, with the stable requests that come with it at canary share
// `weight`, can say against H0 on average. No test with error probability alpha stops on average
// before ln(1 / alpha) over this many canary requests.
double information(const Null& null, Rates rates, double weight);

}  // namespace serin::statistics
