#include "judge/slices/slices.h"
#include "statistics/lift.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace serin::judge::slices {

namespace {

constexpr double interval_alpha = 0.05;
constexpr double chance = 0.05;     // Of a slice to be taken for a cause that is none, roughly.
constexpr double stable_prior = 5;  // Stable's events are worth so many of prior belief.
constexpr std::size_t found_max = 6;

// The chance that at least `hits` of `count` fall where each falls with probability `share`.
double tail(std::uint64_t hits, std::uint64_t count, double share) {
    if (hits == 0 || share >= 1) return 1;
    if (share <= 0) return 0;
    const auto n = static_cast<double>(count);
    double sum = 0;
    for (std::uint64_t k = hits; k <= count; ++k) {
        const auto x = static_cast<double>(k);
        sum += std::exp(
            statistics::ln_gamma(n + 1) - statistics::ln_gamma(x + 1) -
            statistics::ln_gamma(n - x + 1) + x * std::log(share) + (n - x) * std::log1p(-share));
    }
    return std::min(sum, 1.0);
}

}  // namespace

// First it is tested in which slices the canary is worse at all. A fault of one route makes the
// whole of its methods, pods and versions worse, so of these slices those are kept that have more
// of the canary's events than their share of its requests explains, and then, cause by cause, those
// that still do where the causes found so far are left out, or within one of them.
class Explainer {
public:
    Explainer(const Slices& slices, double alpha) : slices_(slices), alpha_(alpha) {}

    Explanation explain();

private:
    struct Candidate {
        std::size_t question = 0;
        std::size_t dimension = 0;
        const Slices::Slice* slice = nullptr;  // Of a status where the dimension is `statuses`.
        const Slices::Tally* tally = nullptr;
        double ln_value = 0;
        double surprise = 1;  // A p-value times the number of slices in the dimension.
    };
    static constexpr std::size_t statuses = Slices::dimensions_max;

    std::vector<Candidate> all() const;
    std::vector<Candidate> worse(const std::vector<Candidate>& all) const;
    std::uint64_t bad(const sequential::Count& count, std::size_t question) const;
    double stable_share(const Candidate& candidate) const;
    double surprise(const Candidate& candidate) const;
    bool is_cause_of_its_own(const Candidate& candidate) const;
    double surprise_among(const Candidate& candidate, const Candidate* within) const;
    bool is_in(const Slices::Row& row, const Candidate& candidate) const {
        return row.slices[candidate.dimension] == candidate.slice->id;
    }
    std::string hint(const std::vector<Candidate>& all) const;
    Found show(const Candidate& candidate) const;

    const Slices& slices_;
    double alpha_;
    std::vector<Candidate> causes_;
};

std::vector<Explainer::Candidate> Explainer::all() const {
    std::vector<Candidate> all;
    const auto add = [&](std::size_t question, std::size_t dimension, const Slices::Slice& slice) {
        const Slices::Tally& tally = slice.tallies[question];
        if (tally.harm.staked == 0) return;
        all.push_back(
            {.question = question,
             .dimension = dimension,
             .slice = &slice,
             .tally = &tally,
             .ln_value = tally.harm.ln_value(slices_.questions_[question].bets)});
    };
    for (std::size_t question = 0; question < slices_.questions_.size(); ++question) {
        for (std::size_t i = 0; i < slices_.dimensions_.size(); ++i) {
            for (const Slices::Slice& slice : slices_.dimensions_[i].slices)
                add(question, i, slice);
        }
    }
    for (const Slices::Slice& slice : slices_.statuses_) add(0, statuses, slice);
    return all;
}

std::vector<Explainer::Candidate> Explainer::worse(const std::vector<Candidate>& all) const {
    std::vector<double> ln_values;
    for (const Candidate& one : all) ln_values.push_back(one.ln_value);
    std::vector<Candidate> found;
    for (const std::size_t i : statistics::discoveries(ln_values, alpha_)) found.push_back(all[i]);
    return found;
}

std::uint64_t Explainer::bad(const sequential::Count& count, std::size_t question) const {
    return slices_.questions_[question].is_event_good() ? count.total - count.events : count.events;
}

// Of stable's events, as far as there are enough of them to tell.
double Explainer::stable_share(const Candidate& candidate) const {
    const sequential::ArmCounts& whole = slices_.whole_[candidate.question].counts;
    const sequential::ArmCounts& own = candidate.tally->counts;
    const double share =
        static_cast<double>(own.canary.total) / static_cast<double>(whole.canary.total);
    const bool is_pod = candidate.dimension == 2;  // All of stable's are a pod's counterpart.
    if (is_pod) return share;
    const auto events = static_cast<double>(bad(whole.stable, candidate.question));
    const auto own_events = static_cast<double>(bad(own.stable, candidate.question));
    return (own_events + stable_prior * share) / (events + stable_prior);
}

double Explainer::surprise(const Candidate& candidate) const {
    const sequential::Count& whole = slices_.whole_[candidate.question].counts.canary;
    const sequential::Count& own = candidate.tally->counts.canary;
    if (whole.total == 0) return 1;
    const double share = static_cast<double>(own.total) / static_cast<double>(whole.total);
    const auto slices = static_cast<double>(slices_.dimensions_[candidate.dimension].slices.size());
    return slices * tail(
                        bad(own, candidate.question),
                        bad(whole, candidate.question),
                        std::max(share, stable_share(candidate)));
}

// The same among the canary's requests outside all causes, or within one of them.
double Explainer::surprise_among(const Candidate& candidate, const Candidate* within) const {
    const auto belongs = [&](const Slices::Row& row) {
        if (within != nullptr) return is_in(row, *within);
        return std::ranges::none_of(
            causes_, [&](const Candidate& cause) { return is_in(row, cause); });
    };
    std::uint64_t events = 0;
    std::uint64_t hits = 0;
    for (const Slices::Row& row : slices_.events_) {
        if (row.question != candidate.question || !belongs(row)) continue;
        ++events;
        if (is_in(row, candidate)) ++hits;
    }
    double requests = 0;
    double own = 0;
    for (const Slices::Row& row : slices_.requests_) {
        if (!belongs(row)) continue;
        requests += 1;
        own += is_in(row, candidate) ? 1 : 0;
    }
    const auto slices = static_cast<double>(slices_.dimensions_[candidate.dimension].slices.size());
    return slices * tail(hits, events, (own + 1) / (requests + 2));
}

bool Explainer::is_cause_of_its_own(const Candidate& candidate) const {
    if (surprise_among(candidate, nullptr) <= chance) return true;
    return std::ranges::any_of(causes_, [&](const Candidate& cause) {
        return cause.question == candidate.question && cause.dimension != candidate.dimension &&
               surprise_among(candidate, &cause) <= chance;
    });
}

Found Explainer::show(const Candidate& candidate) const {
    const Question& question = slices_.questions_[candidate.question];
    const auto estimate = [&](const sequential::Count& count) {
        sequential::ArmEstimate arm{.total = count.total, .events = bad(count, candidate.question)};
        if (count.total == 0) return arm;
        arm.rate = static_cast<double>(arm.events) / static_cast<double>(arm.total);
        arm.interval = statistics::rate_interval(arm.events, arm.total, interval_alpha / 2);
        return arm;
    };
    Found found{
        .dimension = candidate.dimension == statuses
                         ? "status"
                         : slices_.dimensions_[candidate.dimension].name,
        .value = candidate.slice->value,
        .metric = question.metric,
        .event = candidate.dimension == statuses ? "had it" : question.event,
        .e_value = std::exp(std::min(candidate.ln_value, 700.0)),
        .canary = estimate(candidate.tally->counts.canary),
        .stable = estimate(candidate.tally->counts.stable)};
    found.difference = {
        .low = found.canary.interval.low - found.stable.interval.high,
        .high = found.canary.interval.high - found.stable.interval.low};
    found.examples.assign(candidate.tally->examples.rbegin(), candidate.tally->examples.rend());
    return found;
}

// For a person who has to begin somewhere.
std::string Explainer::hint(const std::vector<Candidate>& all) const {
    constexpr double hardly_even = 0.5;
    const Candidate* first = nullptr;
    for (const Candidate& candidate : all) {
        if (candidate.dimension == statuses || candidate.surprise > hardly_even) continue;
        if (first == nullptr || candidate.surprise < first->surprise) first = &candidate;
    }
    if (first == nullptr) return "";
    const sequential::Count& whole = slices_.whole_[first->question].counts.canary;
    return fmt::format(
        "{} of the {} that {} were of {} {}",
        bad(first->tally->counts.canary, first->question),
        bad(whole, first->question),
        slices_.questions_[first->question].event,
        slices_.dimensions_[first->dimension].name,
        first->slice->value);
}

Explanation Explainer::explain() {
    std::vector<Candidate> all = this->all();
    for (Candidate& candidate : all) {
        if (candidate.dimension != statuses) candidate.surprise = surprise(candidate);
    }
    const std::vector<Candidate> worse = this->worse(all);
    Explanation explanation{.tested = all.size(), .alpha = alpha_};
    std::vector<Candidate> standing_out;
    std::vector<Candidate> by_status;
    for (const Candidate& candidate : worse) {
        if (candidate.dimension == statuses) {
            by_status.push_back(candidate);
        } else if (candidate.surprise <= chance) {
            standing_out.push_back(candidate);
        }
    }
    std::ranges::stable_sort(standing_out, {}, &Candidate::surprise);
    for (const Candidate& candidate : standing_out) {
        if (causes_.size() == found_max) break;
        if (causes_.empty() || is_cause_of_its_own(candidate)) causes_.push_back(candidate);
    }
    explanation.is_even = causes_.empty() && !worse.empty();
    if (causes_.empty()) explanation.hint = hint(all);
    for (const Candidate& cause : causes_) explanation.found.push_back(show(cause));
    for (const Candidate& status : by_status) explanation.found.push_back(show(status));
    return explanation;
}

Explanation Slices::explain(double alpha) const {
    return Explainer(*this, alpha).explain();
}

}  // namespace serin::judge::slices
