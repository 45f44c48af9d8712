"""What a server does with filters, orders and rows, done over plain documents."""
