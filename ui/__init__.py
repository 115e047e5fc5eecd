"""What only a browser needs: view models, figures, components, widgets. Computes nothing."""
