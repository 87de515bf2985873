#pragma once

#include "sim/stage.h"

namespace serin::sim {

// People, CI and GitOps: what they patch, as the command line and Argo's plugin do it.
class People {
public:
    explicit People(Stage& stage) : stage_(stage) {}

    // The manifests, at the beginning.
    void apply_all();
    // What is no doing of people or programs passes.
    void act(const Happening& happening);

    void scale(int replicas);
    // The Rollout with all it owns, and the same again from its manifest, but for the image.
    void remove();
    void create_again(int image);

    // Whether somebody asked to go on past what the steps wait for, since the image last changed.
    bool has_pushed() const { return has_pushed_; }
    // Times when somebody else than Serin wrote the route.
    int routes_written() const { return routes_written_; }

private:
    void patch(json::Object spec);
    void patch_status(json::Object status);
    void forget_push(int image);
    void set_image(int image, std::optional<int> replicas);
    void edit_steps(int weight);
    void promote();
    void undo();
    void reapply(bool with_image);
    void reapply_route();

    Stage& stage_;
    bool has_pushed_ = false;
    int routes_written_ = 0;
};

}  // namespace serin::sim
