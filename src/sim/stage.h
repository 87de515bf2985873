#pragma once

#include "sim/loop.h"
#include "sim/scenario.h"
#include "store/memory.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

// What all actors of a simulated world share.

namespace serin::sim {

inline constexpr std::string_view ns = "default";
inline constexpr std::string_view rollout_name = "shop";
inline constexpr std::string_view source_name = "source";  // The Deployment taken over from.
inline constexpr std::string_view route_name = "shop";
inline constexpr std::string_view stable_service = "shop-stable";
inline constexpr std::string_view candidate_service = "shop-canary";
inline constexpr std::string_view header_route = "insiders";
inline constexpr std::string_view mirror_route = "shadow";
inline constexpr std::string_view template_name = "success";
inline constexpr std::string_view guard_name = "guard";  // Its template and its budget.
inline constexpr std::string_view hash_pointer = "/spec/selector/rollouts-pod-template-hash";
inline constexpr std::string_view hash_label = "rollouts-pod-template-hash";

struct Stage {
    explicit Stage(const Scenario& story);

    const Scenario& scenario;
    Instant start;
    Random random;
    Loop loop;
    store::MemoryStore store;
    store::MemoryEvidenceLog evidence;
    // Above zero while the world itself writes: what goes wrong there is told by the actors.
    int quiet = 0;
    std::function<void(const std::string&)> trace;  // Empty: nobody reads.
    // How often what is rare was reached; see Outcome.
    std::map<std::string, std::int64_t, std::less<>> reached;

    // The happening of this kind that goes on now; null when none does.
    const Happening* current(What what) const;
    bool is_image(What what, int image) const;
    void tell(const std::string& line) const;
    void reach(std::string_view what);
    void reach(What what);

    ObjectKey key(const ResourceType& type, std::string_view name) const;
    // What is released, and what has its template.
    ObjectKey release_key() const;
    ObjectKey template_key() const;
    // Label that tells the release's revisions apart.
    std::string_view revision_label() const;
};

// While it lives, writes are the world's and do not fail.
class Quiet {
public:
    explicit Quiet(Stage& stage) : stage_(stage) { ++stage_.quiet; }
    ~Quiet() { --stage_.quiet; }
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;

private:
    Stage& stage_;
};

std::string image_name(int image);          // "shop:v2".
int image_of(const Object& with_template);  // 0 when it is none of ours.

}  // namespace serin::sim
