"""Where pull requests and merge requests are: GitHub and GitLab."""
