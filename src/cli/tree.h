#pragma once

#include "ports/object.h"

#include <string>
#include <vector>

// Trees of objects, as `get rollout` and `get experiment` show them.

namespace serin::cli {

// A row with its children.
struct TreeNode {
    std::string icon;  // Before the name.
    std::string name;
    std::string kind;
    std::string status;
    std::string age;
    std::string info;
    std::vector<TreeNode> children;
};

// Columns NAME, KIND, STATUS, AGE and INFO, laid out as the Argo Rollouts plugin does.
std::string render_tree(const TreeNode& root);

std::string age(const Object& object, Instant now);
bool is_owned_by(const Object& object, const Object& owner);
// "Progressing", "ScaledDown" or "Healthy".
std::string replica_set_status(const Object& replica_set);
// Adds those of `pods` that `owner` controls.
void add_pods(TreeNode& node, const std::vector<Object>& pods, const Object& owner, Instant now);
// With the Jobs that it owns.
TreeNode run_node(const Object& run, const std::vector<Object>& jobs, Instant now);

}  // namespace serin::cli
